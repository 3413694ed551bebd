# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Golden screens of every state."""
from terminal import objects


def test_idle(t):
    t.station.transfers = objects("transfers")
    t.golden(t.console(), "idle", "READY. PLUG IN A MEDIUM.")


def test_inspecting(t):
    t.station.media[1] = objects("medium-reading")
    c = t.console()
    t.golden(c, "inspecting-reading", "LEAVE THE MEDIUM IN.", "51 %")
    t.station.tell(objects("medium-examining"))
    t.golden(c, "inspecting-examining", "YOU MAY REMOVE THE MEDIUM NOW.", "Win.Test.EICAR_HDB-1")


def test_result(t):
    t.station.files = objects("files")
    t.station.media[1] = objects("medium-result")
    t.golden(t.console(), "result", "9 OF 12 FILES WERE TRANSFERRED.", "2 WERE REFUSED. 1 WAITS FOR A DECISION.")


def test_trouble(t):
    t.station.media[1] = objects("medium-unknown")
    t.golden(t.console(), "trouble", "NOTHING WAS TRANSFERRED.", "Ask for it on a medium")
