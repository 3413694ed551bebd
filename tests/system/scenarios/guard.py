# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""What else hangs on the USB: devices that are more than they seem, ports, lists. Whatever is refused is not driven by
anything, is shown until it was seen, and is in the audit trail. The operator's own keys come from the keyboard on PS/2;
QEMU gives them to the keyboard that was plugged in last."""
from system.lib.scenario import scenario

STICK = "46f4:0001"  # QEMU's
KEYBOARD = "0627:0001"


def refused(s, code, *pieces):
    """It is shown, recorded, and no driver has it. Returns the record."""
    s.wait_screen("A USB DEVICE WAS REFUSED.", *pieces)
    device = s.state()["devices"]["refused"]
    s.equal((device["code"], device["accepted"]), (code, False), "the refusal")
    drivers = s.agent.sh("for i in /sys/bus/usb/devices/%s:*; do readlink $i/driver || true; done" % device["port"], check=False).out
    s.equal(drivers, "", "drivers of what was refused")
    record = s.audited("device-refused")[0]["body"]
    s.equal((record["code"], record["port"], record["interfaces"]), (code, device["port"], device["interfaces"]), "the record of the refusal")
    return device


def still_works(s, port=5):
    """A plain stick is inspected, whatever else is plugged in."""
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="PLAIN", port=port)
    s.inspected(s.report(s.finished("PLAIN")), s.media.get("vfat"), ["kernel:vfat"])
    return stick


def input_devices(s):
    return s.agent.sh("cat /sys/class/input/input*/name").out


def body(s):
    """The screen without its first line, which has the time."""
    return s.agent.screen().text().split("\n", 1)[1]


@scenario
def keys_of_a_false_stick(s):
    """a keyboard where a stick belongs: refused and shown; what it types goes nowhere"""
    before = input_devices(s)
    board = s.vm.plug_device("usb-kbd", port=2)
    refused(s, "usb-keyboard", "This device says that it is a keyboard or mouse, and was refused.", "give it to the security officer")
    s.wait_screen("Interfaces 03:01:01")  # drawn to its end
    screen = body(s)
    for key in ("ret", "m", "q", "ret"):  # would end this screen, open the menu
        s.vm.press(key)
    s.equal(input_devices(s), before, "input devices")
    s.still(lambda: body(s) == screen, 2, "the screen to stay as it is")
    board.unplug()
    s.wait_screen("It has been taken out.")  # not back to idle by itself
    s.vm.press("ret")  # now it is the station's own
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    s.audited("device-refused", "device-removed")
    s.nothing_left()


GADGET = r"""
modprobe dummy_hcd && modprobe libcomposite
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
g=/sys/kernel/config/usb_gadget/false; mkdir $g; cd $g
echo 0x0951 >idVendor; echo 0x1666 >idProduct
mkdir strings/0x409; echo 'DataTraveler$(reboot)' >strings/0x409/product; echo Kingston >strings/0x409/manufacturer; echo 0013 >strings/0x409/serialnumber
mkdir configs/c.1
truncate -s 4M /root/lun; mkdir functions/mass_storage.0; echo /root/lun >functions/mass_storage.0/lun.0/file
mkdir functions/hid.0; echo 1 >functions/hid.0/protocol; echo 1 >functions/hid.0/subclass; echo 8 >functions/hid.0/report_length
printf '\005\001\011\006\241\001\005\007\031\340\051\347\025\000\045\001\165\001\225\010\201\002\300' >functions/hid.0/report_desc
ln -s functions/mass_storage.0 functions/hid.0 configs/c.1/
ls /sys/class/udc | grep dummy >UDC
"""


@scenario
def composite(s):
    """a memory stick that is a keyboard, too, on a controller that was not there before"""
    before = input_devices(s)
    s.agent.sh(GADGET)
    device = refused(s, "usb-composite", "This device is more than a memory stick, and was refused.", "DataTraveler$(reboot)", "08:06:50", "03:01:01")
    s.picture("composite")
    s.equal(device["id"], "0951:1666", "the device")
    s.equal(input_devices(s), before, "input devices")
    s.equal(s.agent.sh("ls /sys/block | grep -c '^sd'", check=False).out.strip(), "0", "disks made of it")
    stick = still_works(s)
    s.agent.sh("echo '' >/sys/kernel/config/usb_gadget/false/UDC")
    s.until(lambda: s.state()["devices"]["refused"] is None, 60, "lazaretd to see that it is out")
    stick.unplug()
    s.nothing_left()


@scenario
def network(s):
    """a network card"""
    card = s.vm.plug_device("usb-net", port=3)
    refused(s, "usb-class", "This kind of device is not accepted here.")
    s.equal(s.agent.sh("ls /sys/class/net").out.split(), ["lo"], "network interfaces")
    card.unplug()
    s.wait_screen("It has been taken out.")


@scenario
def ports_and_lists(s):
    """a port that is not for media; sticks that are denied, and not on the list"""
    s.set_devices("media-ports: [1-1]", "deny: ['%s:BAD-1']" % STICK)
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="GOOD-1", port=3)
    refused(s, "usb-port", "This port is not for media.", "Plug it into a port that is marked for media.")
    stick.unplug()
    s.wait_screen("It has been taken out.")
    s.vm.press("ret")
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="BAD-1", port=1)  # of USB 3: the kernel has it at 2-1, the other half of the socket
    s.wait_screen("This device is on the list of denied devices.", "BAD-1")
    s.equal(s.state()["devices"]["refused"]["code"], "usb-denied", "the refusal")
    s.equal(s.medium(), None, "media")
    stick.unplug()
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="GOOD-1", port=1)
    s.inspected(s.report(s.finished("GOOD-1")), s.media.get("vfat"), ["kernel:vfat"])
    stick.unplug()
    s.set_devices("media-ports: any", "allow: ['%s:GOOD-1']" % STICK)
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="OTHER", port=1)
    s.until(lambda: (r := s.state()["devices"]["refused"]) and r["code"] == "usb-not-allowed", 60, "a stick that is not on the list to be refused")
    stick.unplug()
    s.nothing_left()


@scenario
def own_keyboard(s):
    """the station's own keyboard: at its port it types, at another one it is refused"""
    s.set_devices("media-ports: any", "inputs: [{port: 1-4, id: '%s'}]" % KEYBOARD)
    board = s.vm.plug_device("usb-kbd", port=4)
    s.until(lambda: "QEMU USB Keyboard" in input_devices(s), 60, "the keyboard to be put into service")
    s.equal([(d["role"], d["accepted"]) for d in s.state()["devices"]["usb"] if d["id"] == KEYBOARD], [("input", True)], "the keyboard")
    def menu():
        """The kernel names the input device some time before it listens to it: the first keys may go nowhere."""
        s.vm.press("m")
        try:
            s.wait_screen("MENU", "About this station", patience=5)
        except TimeoutError:
            return False
        return True
    s.until(menu, 60, "the keyboard to open the menu")
    s.vm.press("esc")
    s.wait_screen("READY. PLUG IN A MEDIUM.")
    board.unplug()
    board = s.vm.plug_device("usb-kbd", port=5)
    refused(s, "usb-keyboard", "1-5")
    board.unplug()


@scenario
def swapped(s):
    """another device at the same port at once: each is judged anew"""
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="FIRST", port=1)
    s.inspected(s.report(s.finished("FIRST")), s.media.get("vfat"), ["kernel:vfat"])
    stick.unplug()
    stick = s.vm.plug_stick(s.media.get("ext4"), serial="SECOND", port=1)
    second = s.finished("SECOND")
    s.inspected(s.report(second), s.media.get("ext4"), ["kernel:ext4"])
    stick.unplug()
    board = s.vm.plug_device("usb-kbd", port=1)
    s.until(lambda: (r := s.state()["devices"]["refused"]) and r["code"] == "usb-keyboard", 60, "the keyboard to be refused")
    board.unplug()
    s.equal([r["body"]["serial"] for r in s.audited("medium-arrived", "medium-removed", "medium-arrived", "medium-removed")],
            ["FIRST", "FIRST", "SECOND", "SECOND"], "media in the trail")
    s.nothing_left()


@scenario
def changed_at_the_screen(s):
    """an administrator makes a port one for media at the screen: its stick is inspected; no longer: it is switched off"""
    s.set_devices("media-ports: [1-1]")
    s.agent.sh("mkdir -p /run/lazaret && touch /run/lazaret/machine.sock")  # what an appliance has
    s.agent.sh("echo 'the horse eats hay' >/run/secret && lazaret -C /var/lib/lazaret person add anna --role administrator --credentials 3 3</run/secret")
    stick = s.vm.plug_stick(s.media.get("vfat"), serial="GOOD-1", port=3)
    refused(s, "usb-port", "This port is not for media.")
    s.vm.press("ret")
    s.wait_screen("READY. PLUG IN A MEDIUM.", "s Maintenance")  # which the station tells when it looks for who can log in
    s.vm.press("s")
    s.wait_screen("WHO ARE YOU?")
    s.vm.type("anna\nthe horse eats hay\n")
    s.wait_screen("MAINTENANCE", "d  Ports and keyboards")
    s.vm.press("d")
    s.wait_screen("Ports and keyboards", STICK, "switched off", "+ for media")
    s.vm.press("ret")
    s.wait_screen("MAKE THIS PORT ONE FOR MEDIA?", STICK)
    s.vm.press("ret")
    s.inspected(s.report(s.finished("GOOD-1")), s.media.get("vfat"), ["kernel:vfat"])
    s.wait_screen("Ports and keyboards")
    s.vm.press("ret")
    s.wait_screen("THIS PORT NO LONGER FOR MEDIA?")
    s.vm.press("ret")
    s.until(lambda: (r := s.state()["devices"]["refused"]) and r["code"] == "usb-port", 60, "the stick to be switched off")
    drivers = s.agent.sh("readlink /sys/bus/usb/devices/*-3:*/driver || true", check=False).out
    s.equal(drivers, "", "drivers of it")
    bodies = [r["body"] for r in s.trail() if r["type"] == "devices-changed"]
    s.equal([(b["by"], b["action"], b["device"]) for b in bodies], [("anna", "media", STICK), ("anna", "no-media", STICK)], "changes in the trail")
    stick.unplug()
    s.nothing_left()
