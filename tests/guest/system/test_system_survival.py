#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One TCP connection lives through kill -9 of the firmware and 100 changes of its bandwidth."""

import os
import pathlib
import sys
import threading
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tests/lab"))
if "SVIO_BUILD_DIR" in os.environ and "SVIO_BIN" not in os.environ:
    os.environ["SVIO_BIN"] = str(pathlib.Path(os.environ["SVIO_BUILD_DIR"]) / "bin")

from lab.vifs import HOST, address, vif_guests  # noqa: E402

PORT = 5300
CHANGES = 100
KILLS = 5


class Survival(unittest.TestCase):
    """The connection is iperf3's: it reports an error if the connection breaks."""

    def stream(self, a, b, seconds, while_running):
        """Runs TCP a to b for some seconds, beside while_running(); returns the intervals' bytes."""
        listener = b.start(f"iperf3 -s -1 -p {PORT} --json")
        b.wait_port(PORT)
        client = a.start(f"iperf3 -c {address(1)} -p {PORT} -t {seconds} -b 100M --json")
        errors = []

        def beside():
            try:
                while_running(client)
            except Exception as error:  # reported below, in the test's own thread
                errors.append(error)

        thread = threading.Thread(target=beside)
        thread.start()
        report = client.wait(seconds + 60).json()
        thread.join()
        received = listener.wait(60).json()
        self.assertEqual(errors, [])
        self.assertNotIn("error", report)
        self.assertNotIn("error", received)
        return [interval["sum"]["bytes"] for interval in received["intervals"]]

    def test_stream_survives_kills_and_changes(self):
        """Traffic flows at the end, drivers said nothing, no VIF was reset."""
        with vif_guests() as (net, device, (a, b)):
            before = [len(guest.run("dmesg").output.splitlines()) for guest in (a, b)]
            done = {"changes": 0, "kills": 0}

            def disturb(client):
                for change in range(CHANGES):
                    rate = ("off", "1G", "40M", "300M", "80M")[change % 5]
                    device.svio("vif", "set", "a", "--max", rate)
                    done["changes"] += 1
                    if change % (CHANGES // KILLS) == CHANGES // KILLS // 2:
                        device.wait_new_firmware(device.kill_firmware())
                        done["kills"] += 1
                device.svio("vif", "set", "a", "--max", "off")
                self.assertTrue(client.running(), "the stream ended before the disturbances did")

            intervals = self.stream(a, b, 25, disturb)
            self.assertEqual(done, {"changes": CHANGES, "kills": KILLS})
            self.assertGreater(min(intervals[-3:]), 0, intervals)
            for guest, lines in zip((a, b), before):
                news = guest.run("dmesg").output.splitlines()[lines:]
                self.assertEqual([line for line in news if "svio" in line], [])
            for vif in ("a", "b"):
                self.assertEqual(device.svio_json("vif", "show", vif)["state"], "ready")
            # The host behind the wire is still there, too.
            a.run(f"ping -c 3 -i 0.05 -w 10 {HOST}")
            net.run(f"ping -c 3 -i 0.05 -w 10 {address(1)}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
