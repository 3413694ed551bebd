/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* For cppcheck alone, which is shown no header of a library: macros of libraries that are no functions to look at. */
#define json_object_foreach(object, key, value) while (((key) = 0, (value) = 0, (object)))
#define json_array_foreach(array, index, value) for ((index) = 0, (value) = 0; (array); (index)++)
#define static_ASN1_SEQUENCE_END_name(a, b)
#define static_ASN1_SEQUENCE_END(a)
#define static_ASN1_CHOICE_END(a)
#define ASN1_ITEM_TEMPLATE(name) static const int name##_template
#define ASN1_EX_TEMPLATE_TYPE(flags, tag, name, type) 0
#define static_ASN1_ITEM_TEMPLATE_END(name) ;
