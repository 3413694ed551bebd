#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Build models and data of machine learning: harmless ones as the real tools write them, and ones with a trap each.

usage: models.py --list
       models.py OUTDIR [NAME...]

Writes OUTDIR/NAME/FILE, and OUTDIR/index with a line for each, fields separated by tabs: name, file, MIME type of the container
that it is a member of ("-": none), what the detectors must say (clean, active, unsafe, mismatch), a part of the sentence
("-": any), why. None of the pickles here does harm if it is loaded after all: what they call is "true", or nothing.

Needs python3-numpy, python3-joblib, python3-h5py, python3-onnx.
"""
import array
import base64
import collections
import datetime
import io
import json
import os
import pickle
import struct
import sys
import zipfile

SPECIMENS = {}
ZIP = "application/zip"


def specimen(name, file, expect, part, why, container="-"):
    def register(function):
        assert name not in SPECIMENS, name
        SPECIMENS[name] = (file, container, expect, part, why, function)
        return function
    return register


def fixed(name, file, expect, part, why, data, container="-"):
    specimen(name, file, expect, part, why, container)(lambda: data)


class Call:
    """An object whose pickle calls a function."""
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


DANGER = "runs commands"

# -- pickles: harmless ------------------------------------------------------------------------------------------------

PLAIN = {"a": [1, 2.5, None, True, b"bytes", "text"], "t": (1, 2, 3, 4), "s": {1, 2}, "n": -5, "big": 1 << 70, "neg": -200}
for protocol in range(6):
    fixed("plain-%d" % protocol, "x.pkl", "clean", "-", "lists, tuples, numbers, protocol %d" % protocol,
          pickle.dumps(PLAIN, protocol))
    fixed("usual-%d" % protocol, "x.pkl", "clean", "-", "objects of the standard library that the list has, protocol %d" % protocol,
          pickle.dumps([collections.OrderedDict(a=1), datetime.datetime(2026, 1, 1), array.array("d", [1, 2]), complex(1, 2),
                        frozenset([1]), bytearray(b"xx")], protocol))
fixed("plain-unnamed", "data", "clean", "-", "a pickle without a name to it", pickle.dumps(PLAIN, 4))
fixed("several", "log.pkl", "clean", "-", "three pickles one behind the other", pickle.dumps(1) + pickle.dumps([2]) + pickle.dumps("3"))
fixed("padded", "x.pkl", "clean", "-", "zeros behind the end", pickle.dumps(PLAIN) + bytes(100))
fixed("empty", "x.pkl", "clean", "-", "no byte at all", b"")
fixed("layers", "data.pkl", "clean", "-", "a PyTorch model saved whole: layers",
      b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}(X\x08\x00\x00\x00trainingK\x01ub.", ZIP)
fixed("tensors", "data.pkl", "clean", "-", "a state_dict as torch.save() writes it",
      b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00wq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\x00"
      b"\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x04tq\x08QK\x00K\x02K\x02"
      b"\x86q\tK\x02K\x01\x86q\n\x89h\x00)Rq\x0btq\x0cRq\rs.", ZIP)
TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
OLD_TORCH = (TORCH_MAGIC + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2) +
             pickle.dumps(collections.OrderedDict(), 2) + pickle.dumps([], 2))
fixed("old-torch", "x.pt", "clean", "-", "torch.save() before 1.6: five pickles and the raw numbers", OLD_TORCH + struct.pack("<q4f", 4, 1, 2, 3, 4))
fixed("nested-torch", "x.pkl", "clean", "-", "a tensor in a plain pickle: bytes that are a pickle again",
      b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(OLD_TORCH)) + OLD_TORCH + b"\x85R.")

# -- near-misses: what merely looks like a pickle -------------------------------------------------------------------------

fixed("text-c", "notes.txt", "clean", "-", "text that begins like GLOBAL", b"config\nname\n\nvalue = 3\n")
fixed("text-i", "x.el", "clean", "-", "text that begins like INST", b"(in-package\nfoo\n:bar)\n")
fixed("text-list", "x.txt", "clean", "-", "text that begins like opcodes", b"(lambda x: x)\n].\nN.\n")
fixed("text-dot", "x.txt", "clean", "-", "one dot", b".")
fixed("bytes-80", "x.bin", "clean", "-", "numbers that begin like PROTO", b"\x80\x02" + bytes(range(256)) * 4)
fixed("zip-npy", "x.npz", "clean", "-", "a zip begins with P, which is an opcode, and holds a pickle as it is",
      b"PK\x03\x04" + bytes(20) + b"header\n" + pickle.dumps(collections.OrderedDict(a=1)) + b"PK\x01\x02" + bytes(40))
fixed("bytes-zero", "x.dat", "clean", "-", "zeros", bytes(4096))
fixed("stop-early", "x.dat", "clean", "-", "bytes that begin with a whole pickle of nothing", b"N." + os.urandom(0) + b"\xff" * 100)

# -- pickles: traps ------------------------------------------------------------------------------------------------------

for protocol in range(6):
    fixed("system-%d" % protocol, "x.pkl", "unsafe", DANGER, "os.system, protocol %d" % protocol,
          pickle.dumps(Call(os.system, "true"), protocol))
    fixed("system-unnamed-%d" % protocol, "README", "unsafe", DANGER, "the same without a name to it, protocol %d" % protocol,
          pickle.dumps(Call(os.system, "true"), protocol))
for function, part in ((eval, "evaluates"), (exec, "evaluates"), (compile, "evaluates"), (getattr, "attribute"), (open, "files"),
                       (__import__, "evaluates")):
    fixed("builtins-" + function.__name__, "x.pkl", "unsafe", part, "builtins." + function.__name__, pickle.dumps(Call(function, "1"), 4))


def text(module, name, argument=b"true"):
    return b"c" + module + b"\n" + name + b"\n(S'" + argument + b"'\ntR."


for module, name, part in ((b"posix", b"system", DANGER), (b"nt", b"system", DANGER), (b"subprocess", b"Popen", DANGER),
                           (b"__builtin__", b"eval", "evaluates"), (b"runpy", b"run_path", "evaluates"), (b"pty", b"spawn", DANGER),
                           (b"importlib", b"import_module", "any module"), (b"torch.serialization", b"load", "pickles"),
                           (b"numpy.testing._private.utils", b"runstring", "evaluates"), (b"pip", b"main", DANGER),
                           (b"webbrowser", b"open", DANGER), (b"functools", b"partial", "attribute"), (b"operator", b"attrgetter", "attribute"),
                           (b"types", b"CodeType", "functions"), (b"marshal", b"loads", "functions"), (b"pickle", b"loads", "pickles"),
                           (b"cloudpickle.cloudpickle", b"_make_function", "functions"), (b"dill._dill", b"_create_function", "functions"),
                           (b"torch._inductor.codecache", b"compile_file", DANGER), (b"numpy", b"memmap", "files"),
                           (b"numpy.core", b"_ufunc_reconstruct", "attribute"), (b"socket", b"create_connection", "network"),
                           (b"timeit", b"timeit", "evaluates"), (b"asyncio.unix_events", b"_UnixSubprocessTransport._start", DANGER),
                           (b"torch.fx.graph_module", b"reduce_graph_module", "evaluates"), (b"idlelib.run", b"Executive.runcode", "evaluates"),
                           (b"logging", b"FileHandler", "files"), (b"uuid", b"_get_command_stdout", DANGER), (b"_pickle", b"loads", "pickles"),
                           (b"unheard.of", b"thing", "does not have"), (b"collections", b"OrderedDict.__init__", "does not have"),
                           (b"torch.nn.modules.module", b"Module.__init__", "does not have"), (b"torch.nn.modules.utils", b"consume", "does not have"),
                           (b"torch.nn.modules", b"Linear", "does not have")):
    fixed("import-%s.%s" % (module.decode(), name.decode()), "x.pkl", "unsafe", part, "one import", text(module, name))

SYSTEM = b"cposix\nsystem\n"
fixed("inst", "x.pkl", "unsafe", DANGER, "INST", b"(S'true'\niposix\nsystem\n.")
fixed("inst-end", "x.pkl", "unsafe", DANGER, "INST without the line feed, which Python's own unpickler takes",
      b"(S'true'\niposix\nsystemX")
fixed("obj", "x.pkl", "unsafe", DANGER, "OBJ", b"(" + SYSTEM + b"S'true'\no.")
fixed("newobj", "x.pkl", "unsafe", "does not have", "NEWOBJ", b"\x80\x02csubprocess\nPopen\n(S'true'\nt\x81.")
fixed("newobj-ex", "x.pkl", "unsafe", DANGER, "NEWOBJ_EX", b"\x80\x04csubprocess\nPopen\n(S'true'\nt}\x92.")
fixed("stack-global", "x.pkl", "unsafe", DANGER, "STACK_GLOBAL", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.")
fixed("stack-global-memo", "x.pkl", "unsafe", DANGER, "STACK_GLOBAL with names out of the memo, and others on top",
      b"\x80\x04\x8c\x06system\x94\x8c\x05posix\x940h\x010h\x00N0\x93\x8c\x04true\x85R.".replace(b"0h\x010h\x00", b"0h\x01h\x00"))
fixed("stack-global-put", "x.pkl", "unsafe", DANGER, "names under high numbers of the memo",
      b"\x80\x04\x8c\x06systemr\x00\x10\x00\x00\x8c\x05posixp77\n00g77\nj\x00\x10\x00\x00\x93\x8c\x04true\x85R.")
fixed("stack-global-swap", "x.pkl", "unsafe", DANGER, "a memo entry that is overwritten by another name",
      b"\x80\x04\x8c\x06stringq\x01\x8c\x05posixq\x0100h\x01\x8c\x06system\x93\x8c\x04true\x85R.")
fixed("stack-global-string", "x.pkl", "unsafe", DANGER, "STACK_GLOBAL with strings of protocol 0 and 1, without PROTO",
      b"S'posix'\nU\x06system\x93V" + b"true\n\x85R.")
fixed("stack-global-escape", "x.pkl", "unsafe", "computes", "a name spelled with escapes",
      b"\x80\x04V\\u0070osix\n\x8c\x06system\x93\x8c\x04true\x85R.")
fixed("stack-global-computed", "x.pkl", "unsafe", "computes", "a name that a call gives",
      b"\x80\x04cbuiltins\nstr\n\x8c\x05posix\x85R\x8c\x06system\x93\x8c\x04true\x85R.")
fixed("call-computed", "x.pkl", "unsafe", "calls something", "a call of what a call gave", b"\x80\x02cbuiltins\nset\n)R)R.")
fixed("call-persistent", "x.pkl", "unsafe", "calls something", "a call of what the loader gives", b"\x80\x02K\x01Q)R.")
fixed("extension", "x.pkl", "unsafe", "extension", "EXT1", b"\x80\x02\x82\x01)R.")
fixed("build-class", "x.pkl", "unsafe", "changes", "BUILD of a class sets its attributes",
      b"\x80\x02ccollections\nOrderedDict\nN}U\x0c__setstate__cbuiltins\nset\ns\x86b.")
fixed("setitem-class", "x.pkl", "unsafe", "changes", "SETITEM of an import", b"\x80\x02ccollections\nOrderedDict\nK\x01K\x02s.")
fixed("append-class", "x.pkl", "unsafe", "changes", "APPEND to an import", b"\x80\x02ccollections\nOrderedDict\nK\x01a.")
fixed("memo-bomb", "x.pkl", "unsafe", "runs out of memory", "LONG_BINPUT 4294967295", b"\x80\x02Nr\xff\xff\xff\xff.")
fixed("broken-after", "x.pkl", "unsafe", DANGER, "the call comes before what is broken", SYSTEM + b"(S'true'\ntR\xff\xff\xff")
fixed("broken-after-unnamed", "notes", "unsafe", DANGER, "the same without a name to it", SYSTEM + b"(S'true'\ntR\xff\xff\xff")
fixed("broken-before", "x.pkl", "unsafe", "evaluates", "broken before the call", b"cbuiltins\nexec\n(X>\n1")
fixed("no-stop", "x.pkl", "unsafe", DANGER, "no STOP at the end", SYSTEM + b"(S'true'\ntR")
fixed("hidden-bytes", "x.pkl", "unsafe", DANGER, "opcodes behind a frame that lies about its length",
      b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N0" + SYSTEM + b"(S'true'\ntR.")
fixed("frame-past-end", "x.pkl", "unsafe", DANGER, "a frame longer than the file",
      b"\x80\x04\x95\xff\xff\x00\x00\x00\x00\x00\x00" + SYSTEM + b"(S'true'\ntR.")
fixed("second", "x.pkl", "unsafe", DANGER, "the second pickle of a file", pickle.dumps(PLAIN) + pickle.dumps(Call(os.system, "true")))
fixed("second-text", "x.pkl", "unsafe", DANGER, "the second pickle of a file, of protocol 0", pickle.dumps(1) + text(b"posix", b"system"))
fixed("trailing", "x.pkl", "mismatch", "behind the end", "something else behind the end", pickle.dumps(PLAIN) + b"MZ\x90\x00" + b"\xcc" * 64)
fixed("cut", "x.pkl", "unsafe", "cut off", "cut in the middle", pickle.dumps(PLAIN, 4)[:-20])
fixed("odd-index", "data", "unsafe", DANGER, "numbers of the memo that int() takes", b"S'posix'\np1_0\n0S'system'\np 0\n0g+10\ng-0\n\x93(S'true'\ntR.")
fixed("string-arguments", "x.pkl", "unsafe", DANGER, "a string for arguments, which Python's own unpickler takes", SYSTEM + b"S't'\nR.")
BAD_TORCH = OLD_TORCH.replace(b"ccollections\nOrderedDict\n", SYSTEM)
fixed("nested-bad", "x.pkl", "unsafe", DANGER, "a tensor in a pickle, whose bytes are another program",
      b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(BAD_TORCH)) + BAD_TORCH + b"\x85R.")
fixed("nested-opaque", "x.pkl", "unsafe", "no pickle that could be followed", "a tensor in a pickle, whose bytes are computed",
      b"\x80\x02ctorch.storage\n_load_from_bytes\nc_codecs\nencode\nX\x01\x00\x00\x00x\x85R\x85R.")
fixed("old-torch-bad", "x.pt", "unsafe", DANGER, "torch.save() before 1.6: a program among the five", BAD_TORCH)
fixed("torch-magic-bypass", "x.pt", "unsafe", DANGER, "the number of torch's files that a call gives",
      b"cposix\nsystem\n(S'true'\ntR0\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")

# -- joblib: arrays in the middle of a pickle -------------------------------------------------------------------------------


def joblib_dump(value):
    import joblib
    out = io.BytesIO()
    joblib.dump(value, out)
    return out.getvalue()


def array_of(*values):
    import numpy
    return numpy.array(*values)


@specimen("joblib", "model.joblib", "clean", "-", "arrays, one of them with records")
def _():
    import numpy
    return joblib_dump({"a": numpy.arange(500, dtype="f8"), "b": numpy.zeros((3, 4), dtype=[("x", "<i4"), ("y", "<f8")]),
                        "c": numpy.array(["one", "three"]), "e": numpy.array(["2026-01-01"], "M8[ns]"), "d": [1, 2]})


@specimen("joblib-objects", "model.joblib", "clean", "-", "an array of objects")
def _():
    return joblib_dump([array_of([{"x": 1}, None, "y"], "O"), 1])


@specimen("joblib-objects-bad", "model.joblib", "unsafe", DANGER, "an array of objects with a call among them")
def _():
    return joblib_dump([array_of([Call(os.system, "true"), None], "O"), 1])


@specimen("joblib-after", "model.joblib", "unsafe", DANGER, "a call behind an array")
def _():
    return joblib_dump([array_of([1.0] * 100), Call(os.system, "true")])


@specimen("joblib-as-pickle", "model.joblib", "unsafe", "knows nothing of arrays", "the bytes of an array are a program for plain pickle")
def _():
    code = SYSTEM + b"(S'true'\ntR."
    data = joblib_dump([array_of(list(code) + [0] * 40, "u1"), 1])
    at = data.index(code)
    # without the alignment, whose first byte an unpickler would stumble over: as joblib wrote it before 1.2
    head = data[:at].rstrip(b"\xff")[:-1]
    key = b"\x8c\x1bnumpy_array_alignment_bytes"
    place = head.index(key)
    tail = head.index(b"ub", place)
    head = head[:place] + b"\x8c\x05order\x8c\x01C" + head[tail:]
    # outside of a frame, which has another length now
    frame = head.index(b"\x95")
    return head[:frame] + head[frame + 9:] + data[at:]


@specimen("joblib-long", "model.joblib", "unsafe", "-", "an array longer than the file")
def _():
    return joblib_dump(array_of([1.0] * 100))[:-300]


fixed("joblib-smuggled", "x.joblib", "unsafe", "place-holder", "the place-holder made in a way that joblib does not",
      b"\x80\x02ccopyreg\n_reconstructor\ncjoblib.numpy_pickle\nNumpyArrayWrapper\nc__builtin__\nobject\nN\x87R}b.")

# -- NumPy ---------------------------------------------------------------------------------------------------------------


def npy(value, pickled=False):
    import numpy
    out = io.BytesIO()
    numpy.save(out, value, allow_pickle=pickled)
    return out.getvalue()


@specimen("npy", "x.npy", "clean", "-", "numbers")
def _():
    return npy(array_of([[1.5, 2], [3, 4]]))


@specimen("npy-records", "x.npy", "clean", "-", "records in records, with shapes and gaps")
def _():
    import numpy
    return npy(numpy.zeros(3, dtype=numpy.dtype([("a", "<i2"), ("b", "<f8", (2, 3)), ("c", [("d", "S5"), ("e", "<U3")])], align=True)))


@specimen("npy-times", "x.npy", "clean", "-", "times")
def _():
    return npy(array_of(["2026-01-01", "2026-01-02"], "M8[ns]"))


@specimen("npy-twice", "x.npy", "clean", "-", "two arrays in one file")
def _():
    return npy(array_of([1])) + npy(array_of([True]))


@specimen("npy-scalar", "x.npy", "clean", "-", "no dimension")
def _():
    return npy(array_of(5))


@specimen("npy-objects", "x.npy", "clean", "-", "objects: a pickle of what the list has")
def _():
    return npy(array_of([{"a": 1}, "x"], "O"), True)


@specimen("npy-objects-bad", "x.npy", "unsafe", DANGER, "objects with a call among them")
def _():
    return npy(array_of([Call(os.system, "true"), 1], "O"), True)


@specimen("npy-record-objects", "x.npy", "unsafe", "-", "a record with objects, and no pickle behind it")
def _():
    return npy(array_of([(1, 2)], [("a", "i4"), ("b", "i4")])).replace(b"('b', '<i4')", b"('b', '|O' )")


@specimen("npy-code", "x.npy", "unsafe", "header", "a header that is Python, not a dictionary")
def _():
    return npy(array_of([1.0] * 4)).replace(b"'fortran_order': False", b"'fortran_order': exec('')"[:22].ljust(22))


@specimen("npy-short", "x.npy", "unsafe", "shorter", "cut off")
def _():
    return npy(array_of([1.0] * 4))[:-8]


@specimen("npy-overflow", "x.npy", "unsafe", "shorter", "a shape that is 0 in 64 bits")
def _():
    return npy(array_of([1.0] * 4)).replace(b"(4,), }" + b" " * 24, b"(4294967296, 536870912), }    "[:31].ljust(31))


@specimen("npy-trailing", "x.npy", "mismatch", "behind the array", "something behind the end")
def _():
    return npy(array_of([1.0] * 4)) + b"PK\x03\x04" * 10


fixed("npy-text", "x.txt", "clean", "-", "text about it", b"\\x93NUMPY is the magic string of npy files\n")

# -- safetensors -------------------------------------------------------------------------------------------------------------


def safetensors(header, data, raw=None):
    text = raw if raw is not None else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


GOOD = {"__metadata__": {"format": "pt"}, "a": tensor("F32", [2, 2], 0, 16), "b": tensor("BF16", [3], 16, 22), "c": tensor("I8", [0], 22, 22)}
fixed("safetensors", "m.safetensors", "clean", "-", "as the reference writes it", safetensors(GOOD, bytes(22)))
fixed("safetensors-empty", "m.safetensors", "clean", "-", "no tensor", safetensors({}, b""))
fixed("safetensors-unnamed", "blob", "unsafe", "overlaps", "found without its name", safetensors(dict(GOOD, b=tensor("BF16", [3], 10, 16)), bytes(22)))
for name, change, part in (
        ("overlap", {"b": tensor("BF16", [3], 14, 20)}, "overlaps"), ("gap", {"b": tensor("BF16", [3], 18, 24)}, "in front of it"),
        ("past-end", {"d": tensor("U8", [100], 22, 122)}, "past the end"), ("shape", {"b": tensor("BF16", [4], 16, 22)}, "length other"),
        ("dtype", {"b": tensor("F17", [3], 16, 22)}, "type"), ("backwards", {"b": tensor("BF16", [3], 22, 16)}, "length other"),
        ("overflow", {"b": tensor("F32", [1 << 62, 4], 16, 16)}, "no size"), ("negative", {"b": tensor("BF16", [-3], 16, 22)}, "no size"),
        ("metadata", {"__metadata__": {"x": {"y": 1}}}, "more than strings"), ("extra", {"b": dict(tensor("BF16", [3], 16, 22), code="x")}, "told as")):
    fixed("safetensors-" + name, "m.safetensors", "unsafe", part, "a header that lies", safetensors(dict(GOOD, **change), bytes(22)))
fixed("safetensors-trailing", "m.safetensors", "unsafe", "belong to no tensor", "bytes behind the last tensor", safetensors(GOOD, bytes(22) + b"MZ"))
fixed("safetensors-twice", "m.safetensors", "unsafe", "twice", "a key twice: which one counts?",
      safetensors(None, bytes(4), b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'))
fixed("safetensors-length", "m.safetensors", "unsafe", "no length that fits", "a header longer than the file", struct.pack("<Q", 1 << 40) + b"{}")
fixed("safetensors-depth", "m.safetensors", "unsafe", "JSON", "JSON nested too deep", safetensors(None, b"", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"))
fixed("safetensors-near", "blob", "clean", "-", "a length and JSON of another kind", safetensors({"asset": {"version": "2.0"}}, bytes(8)))

# -- GGUF ----------------------------------------------------------------------------------------------------------------------


class Gguf:
    def __init__(self, version=3, order="<"):
        self.version, self.order = version, order

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def count(self, n):
        return self.pack("I" if self.version == 1 else "Q", n)

    def string(self, text):
        text = text.encode()
        return self.count(len(text)) + text

    def key(self, name, kind, value):
        return self.string(name) + self.pack("I", kind) + value

    def tensor(self, name, shape, kind, offset):
        return self.string(name) + self.pack("I", len(shape)) + b"".join(self.count(n) for n in shape) + self.pack("IQ", kind, offset)

    def file(self, keys=None, tensors=None, data=bytes(96), counts=None):
        if keys is None:
            keys = [self.key("general.architecture", 8, self.string("llama")), self.key("x.n", 4, self.pack("I", 7)),
                    self.key("tokens", 9, self.pack("I", 8) + self.count(2) + self.string("a") + self.string("b")),
                    self.key("scores", 9, self.pack("I", 6) + self.count(3) + self.pack("3f", 1, 2, 3)), self.key("flag", 7, b"\1")]
        if tensors is None:
            tensors = [self.tensor("w", [32, 2], 2, 0), self.tensor("b", [4], 0, 64)]
        count = counts or (len(tensors), len(keys))
        head = b"GGUF" + self.pack("I", self.version) + self.count(count[0]) + self.count(count[1]) + b"".join(keys) + b"".join(tensors)
        return head + bytes(-len(head) % 32) + data


G = Gguf()
for version in (1, 2, 3):
    fixed("gguf-%d" % version, "m.gguf", "clean", "-", "version %d" % version, Gguf(version).file())
fixed("gguf-big", "m.gguf", "clean", "-", "big endian", Gguf(3, ">").file())
fixed("gguf-vocabulary", "m.gguf", "clean", "-", "no tensors", G.file(tensors=[], data=b""))
TEMPLATE = "tokenizer.chat_template"
fixed("gguf-template", "m.gguf", "active", "chat template", "every model for conversations has one; text says import os.",
      G.file([G.key(TEMPLATE, 8, G.string("You can import os. {% for m in messages %}{{ bos_token + m['role'] + ': import' }}{% endfor %}"))]))
for name, template in (("class", "{{ ().__class__.__base__.__subclasses__() }}"), ("attr", "{{ x|attr('a') }}"), ("string", "{{ x['__globals__'] }}"),
                       ("import", "{% import 'x' as y %}"), ("os", "{{ cycler.next.os.popen('true') }}"), ("escape", "{{ x['\\x5f\\x5fclass'] }}")):
    fixed("gguf-template-" + name, "m.gguf", "unsafe", "reaches out", "a template that leaves the engine", G.file([G.key(TEMPLATE, 8, G.string(template))]))
fixed("gguf-key-twice", "m.gguf", "unsafe", "twice", "a key twice", G.file([G.key("a", 4, bytes(4)), G.key("b", 4, bytes(4)), G.key("a", 4, bytes(4))]))
fixed("gguf-keys", "m.gguf", "unsafe", "more keys", "more keys than can be", G.file(counts=(0, 1 << 60)))
fixed("gguf-tensors", "m.gguf", "unsafe", "more tensors", "more tensors than can be", G.file(counts=(1 << 60, 5)))
fixed("gguf-string", "m.gguf", "unsafe", "string", "a string longer than the file", G.file([G.string("a") + G.pack("IQ", 8, 1 << 63)]))
fixed("gguf-array", "m.gguf", "unsafe", "array", "an array longer than the file", G.file([G.key("a", 9, G.pack("IQ", 10, 1 << 61))]))
fixed("gguf-nested", "m.gguf", "unsafe", "nested", "arrays in arrays in arrays", G.file([G.key("a", 9, G.pack("IQ", 9, 1) * 50)]))
fixed("gguf-type", "m.gguf", "unsafe", "no type", "a value of no type", G.file([G.key("a", 13, bytes(8))]))
for name, tensors, part in (
        ("overlap", [("w", [32, 2], 2, 0), ("b", [4], 0, 32)], "overlaps"), ("gap", [("w", [32], 2, 0), ("b", [4], 0, 64)], "belong to none"),
        ("unaligned", [("w", [32, 2], 2, 0), ("b", [4], 0, 40)], "not aligned"), ("past-end", [("w", [1024], 0, 0)], "past its end"),
        ("overflow", [("w", [1 << 62, 1 << 62], 0, 0)], "no size"), ("dimensions", [("w", [1] * 5, 0, 0)], "dimensions"),
        ("block", [("w", [33], 2, 0)], "type"), ("kind", [("w", [32], 200, 0)], "type"), ("twice", [("w", [32, 2], 2, 0), ("w", [4], 0, 64)], "twice")):
    fixed("gguf-tensor-" + name, "m.gguf", "unsafe", part, "tensors that lie", G.file(tensors=[G.tensor(*t) for t in tensors]))
fixed("gguf-trailing", "m.gguf", "unsafe", "belong to no tensor", "bytes behind the last tensor", G.file(data=bytes(96) + b"MZ" * 40))
fixed("gguf-cut", "m.gguf", "unsafe", "-", "cut off", G.file()[:90])
fixed("gguf-alignment", "m.gguf", "unsafe", "power of two", "an alignment of 0", G.file([G.key("general.alignment", 4, bytes(4))]))
fixed("gguf-version", "m.gguf", "unsafe", "version", "version 9", b"GGUF" + struct.pack("<IQQ", 9, 0, 0))
fixed("gguf-near", "notes.txt", "clean", "-", "text about it", b"GGUF is a file format for models.\n" * 3)

# -- ONNX ------------------------------------------------------------------------------------------------------------------------


def onnx_model(domain="", op="Relu", location=None, inside=False):
    from onnx import TensorProto, helper
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    if location is not None:
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        entry = weights.external_data.add()
        entry.key, entry.value = "location", location
    node = helper.make_node(op, ["x"], ["y"], domain=domain)
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [] if inside else [weights])
    if inside:
        inner = helper.make_node("If", ["c"], ["z"], then_branch=helper.make_graph([], "t", [], ends[1:], [weights]))
        graph.node.append(inner)
    return helper.make_model(graph, producer_name="test").SerializeToString()


def onnx(name, file, expect, part, why, *arguments, **named):
    specimen(name, file, expect, part, why)(lambda: onnx_model(*arguments, **named))


onnx("onnx", "m.onnx", "clean", "-", "as the library writes it")
onnx("onnx-external", "m.onnx", "clean", "-", "weights in a file beside it", location="m.onnx.data")
onnx("onnx-absolute", "m.onnx", "unsafe", "/etc/passwd", "weights out of /etc/passwd", location="/etc/passwd")
onnx("onnx-up", "m.onnx", "unsafe", "outside", "weights out of another folder", location="a/../../x")
onnx("onnx-backslash", "m.onnx", "unsafe", "outside", "weights out of another folder of Windows", location="..\\x")
onnx("onnx-drive", "m.onnx", "unsafe", "outside", "weights out of another drive", location="C:x")
onnx("onnx-inside", "m.onnx", "unsafe", "outside", "the same in a graph in a node", location="../x", inside=True)
onnx("onnx-memory", "m.onnx", "unsafe", "memory", "an address in memory for weights", location="*/_ORT_MEM_ADDR_/*")
onnx("onnx-unnamed", "blob", "unsafe", "outside", "found without its name", location="../x")
onnx("onnx-python", "m.onnx", "unsafe", "Python", "an operator that is a function of Python", "ai.onnx.contrib", "PyOp")
onnx("onnx-custom", "m.onnx", "active", "library", "operators of somebody's library", "org.example", "Thing")


@specimen("onnx-cut", "m.onnx", "unsafe", "cut off", "cut off")
def _():
    return onnx_model()[:-7]


@specimen("onnx-named", "m.onnx", "unsafe", "-", "something else of that name")
def _():
    return b"MZ\x90\x00" + bytes(200)


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


@specimen("onnx-deep", "m.onnx", "unsafe", "deeper", "graphs in nodes in graphs")
def _():
    graph = b""
    for _ in range(60):
        graph = field(1, field(5, field(6, graph)))
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x0d")


# -- TensorFlow, Keras, HDF5 --------------------------------------------------------------------------------------------------------


def saved_model(op, in_function=False):
    node = field(1, b"n") + field(2, op)
    graph = field(2, field(1, field(1, b"") + field(3, node))) if in_function else field(1, node)
    return b"\x08\x01" + field(2, field(2, graph))


fixed("tensorflow", "saved_model.pb", "clean", "-", "a graph that adds", saved_model(b"AddV2"))
fixed("tensorflow-read", "saved_model.pb", "unsafe", "reads files", "ReadFile", saved_model(b"ReadFile"))
fixed("tensorflow-write", "saved_model.pb", "unsafe", "writes files", "WriteFile in a function", saved_model(b"WriteFile", True))
fixed("tensorflow-python", "graph.pb", "unsafe", "Python", "PyFunc in a frozen graph", field(1, field(1, b"n") + field(2, b"PyFunc")))
fixed("tensorflow-cut", "saved_model.pb", "unsafe", "cut off", "cut off", saved_model(b"AddV2")[:-3])
fixed("tensorflow-near", "messages.pb", "clean", "-", "another message", b"\x08\x01\x12\x03abc")
LAYER = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2, "activation": "relu"}, "registered_name": None}


def keras(*layers):
    return json.dumps({"module": "keras", "class_name": "Sequential", "config": {"layers": list(layers)}}).encode()


LAMBDA = {"class_name": "Lambda", "config": {"function": [base64.b64encode(b"code").decode(), None, None], "function_type": "lambda"}}
fixed("keras", "config.json", "clean", "-", "layers of Keras's own", keras(LAYER), ZIP)
fixed("keras-lambda", "config.json", "unsafe", "Lambda", "a Lambda layer", keras(LAYER, LAMBDA), ZIP)
fixed("keras-lambda-3", "config.json", "unsafe", "Lambda", "a Lambda layer of Keras 3",
      keras({"module": "keras.layers", "class_name": "X", "config": {"f": {"class_name": "__lambda__", "config": {}}}}), ZIP)
fixed("keras-escape", "config.json", "unsafe", "Lambda", "a Lambda layer in numbers for letters", keras(LAMBDA).replace(b'"Lambda"', b'"\\u004cambda"'), ZIP)
fixed("keras-module", "config.json", "unsafe", "not of Keras", "any module", keras({"module": "os", "class_name": "system", "config": "true"}), ZIP)
fixed("keras-function", "config.json", "unsafe", "calls a function", "a function of Keras that fetches files",
      keras({"module": "keras.utils", "class_name": "function", "config": "get_file"}), ZIP)
fixed("keras-activation", "config.json", "clean", "-", "a function of Keras that is mathematics",
      keras({"module": "keras.activations", "class_name": "function", "config": "relu"}), ZIP)
fixed("keras-vocabulary", "config.json", "unsafe", "/etc/passwd", "a vocabulary out of a file",
      keras({"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}), ZIP)
fixed("keras-custom", "config.json", "active", "author", "a class of the author's", keras({"class_name": "Mine", "config": {}, "registered_name": "pkg>Mine"}), ZIP)
fixed("keras-metadata", "keras_metadata.pb", "unsafe", "Lambda", "a Lambda layer beside a SavedModel", field(1, field(5, json.dumps(LAMBDA).encode())))


def hdf5(fill, name="x.h5", **options):
    import h5py
    out = io.BytesIO()
    with h5py.File(out, "w", **options) as f:
        fill(f)
    return out.getvalue()


def h5(name, expect, part, why, **options):
    def register(fill):
        specimen(name, "model.h5", expect, part, why)(lambda: hdf5(fill, **options))
        return fill
    return register


@h5("hdf5", "clean", "-", "numbers, groups, a link within")
def _(f):
    f["a/b"] = list(range(1000))
    f.create_dataset("c", data=[1.5] * 5000, compression="gzip", chunks=(100,))
    import h5py
    f["soft"] = h5py.SoftLink("/a/b")


@h5("hdf5-latest", "clean", "-", "the newest version of the format", libver="latest")
def _(f):
    f["a/b"] = list(range(1000))
    for i in range(100):
        f["many/%d" % i] = i


@h5("hdf5-block", "clean", "-", "a block of the user's in front", userblock_size=512)
def _(f):
    f["a"] = [1]


@h5("hdf5-keras", "clean", "-", "a model of Keras")
def _(f):
    f.attrs["model_config"] = keras(LAYER).decode()


@h5("hdf5-lambda", "unsafe", "Lambda", "a Lambda layer")
def _(f):
    f.attrs["model_config"] = keras(LAYER, LAMBDA).decode()


@h5("hdf5-hidden", "unsafe", "hides", "a Lambda layer in numbers for letters")
def _(f):
    f.attrs["model_config"] = keras(LAMBDA).decode().replace('"Lambda"', '"\\u004cambda"')


@h5("hdf5-module", "unsafe", "not of Keras", "any module")
def _(f):
    f.attrs["model_config"] = keras({"module": "os", "class_name": "system", "config": "true"}).decode()


for version, options in (("", {}), ("-latest", {"libver": "latest"})):
    @h5("hdf5-link" + version, "unsafe", "/etc/passwd", "a link to another file", **options)
    def _(f):
        import h5py
        f["a"] = [1]
        f["x"] = h5py.ExternalLink("/etc/passwd", "/secret")

    @h5("hdf5-many-links" + version, "unsafe", "/etc/passwd", "a link to another file among hundreds", **options)
    def _(f):
        import h5py
        for i in range(300):
            f["g/%d" % i] = i
        f["g/x"] = h5py.ExternalLink("/etc/passwd", "/secret")

    @h5("hdf5-storage" + version, "unsafe", "bytes lie in another", "a data set whose bytes lie in another file", **options)
    def _(f):
        f.create_dataset("x", (10,), "u1", external=[("/etc/passwd", 0, 10)])

    @h5("hdf5-virtual" + version, "unsafe", "put together", "a data set put together out of others", **options)
    def _(f):
        import h5py
        layout = h5py.VirtualLayout((10,), "u1")
        layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (10,))
        f.create_virtual_dataset("v", layout)


@specimen("hdf5-cut", "model.h5", "unsafe", "cut off", "cut off")
def _():
    return hdf5(lambda f: f.create_dataset("a", data=[1] * 100))[:-100]


@specimen("hdf5-budget", "model.h5", "unsafe", "than can be looked at", "thousands of beginnings of links that lead to one place: time")
def _():
    end = b"\0" + b"a" * 60000 + b"\0b\0c\0"
    return hdf5(lambda f: f.create_dataset("a", data=list((b"\1\x0b\x40" + struct.pack("<Q", 8) + bytes(8)) * 5)))[:-8] + b"".join(
        b"\1\x0b\x40" + struct.pack("<Q", (2000 - i) * 11 - 11) for i in range(2000)) + struct.pack("<H", len(end)) + end


fixed("hdf5-near", "x.txt", "clean", "-", "text about it", b"The signature of HDF5 is \\x89HDF; \"class_name\": \"Lambda\"\n")

# -- files beside a model -------------------------------------------------------------------------------------------------------------

fixed("config", "config.json", "clean", "-", "a model of transformers", json.dumps({"architectures": ["LlamaForCausalLM"], "hidden_size": 64}).encode())
fixed("config-auto-map", "config.json", "active", "auto_map", "the author's code", json.dumps({"auto_map": {"AutoModel": "modeling.Model"}}).encode())
fixed("config-remote", "config.json", "active", "trust_remote_code", "the author's code", b'{"trust_remote\\u005fcode": true}')
fixed("tokenizer-template", "tokenizer_config.json", "active", "chat template", "a template", json.dumps({"chat_template": "{{ messages }}"}).encode())
fixed("tokenizer-escape", "tokenizer_config.json", "unsafe", "reaches out", "one of several templates leaves the engine",
      json.dumps({"chat_template": [{"name": "a", "template": "{{ 1 }}"}, {"name": "b", "template": "{{ x.__class__ }}"}]}).encode())
fixed("jinja", "chat_template.jinja", "active", "chat template", "a template", b"{% for m in messages %}{{ m }}{% endfor %}")
fixed("torchscript", "archive/code/__torch__/m.py", "active", "TorchScript", "a program of PyTorch's", b"class M(Module):\n  pass\n", ZIP)
fixed("python-near", "src/code/m.py", "clean", "-", "a program of Python's, which others look at", b"print(1)\n", ZIP)
fixed("ggml", "ggml-model.bin", "clean", "-", "before GGUF", b"tjgg" + struct.pack("<7I", 3, 100, 64, 1, 1, 1, 1) + bytes(100))


def main(arguments):
    if arguments[:1] == ["--list"]:
        for name, row in SPECIMENS.items():
            print("\t".join((name,) + row[:5]))
        return 0
    if not arguments:
        sys.exit(__doc__)
    os.makedirs(arguments[0], exist_ok=True)
    with open(os.path.join(arguments[0], "index"), "w") as index:
        for name, row in SPECIMENS.items():
            if len(arguments) > 1 and name not in arguments[1:]:
                continue
            path = os.path.join(arguments[0], name, row[0])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(row[5]())
            index.write("\t".join((name,) + row[:5]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
