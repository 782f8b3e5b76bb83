#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio, the administrator's command, as people and programs use it: sviod and svio-fw are real.

usage: SVIO_BUILD_DIR=build/release test_svio_command.py [-v] [TEST...]
"""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", "build/release")).resolve() / "bin"
WAIT_S = 30


def wait_for(condition, what):
    deadline = time.monotonic() + WAIT_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not after {WAIT_S} s")
        time.sleep(0.01)
    return result


class Device:
    """sviod in a run directory of its own."""

    def __init__(self):
        self.parent = tempfile.TemporaryDirectory(prefix="svio-test-")
        self.run_dir = pathlib.Path(self.parent.name) / "run"
        self.log_path = pathlib.Path(self.parent.name) / "log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [BIN / "sviod", "--run-dir", self.run_dir, "--wire", "null"], stderr=log)
        wait_for(self.is_up, "sviod and its firmware")

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"sviod ended:\n{self.log_path.read_text()}")
        if not (self.run_dir / "control.sock").exists():
            return False
        return self.status()["firmware"]["state"] != "starting"

    def run(self, *words, **more):
        return subprocess.run([BIN / "svio", *words], text=True, capture_output=True, check=False,
                              env={**os.environ, "SVIO_RUN_DIR": str(self.run_dir)}, **more)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def close(self):
        self.process.terminate()
        status = self.process.wait(WAIT_S)
        left = sorted(path.name for path in self.run_dir.iterdir())
        self.parent.cleanup()
        return status, left


class SvioTest(unittest.TestCase):
    """Each case gets a device without VIFs."""

    @classmethod
    def setUpClass(cls):
        cls.device = Device()

    @classmethod
    def tearDownClass(cls):
        status, left = cls.device.close()
        assert (status, left) == (0, ["lock"]), (status, left)

    def tearDown(self):
        for vif in self.json("vif", "list"):
            self.ok("vif", "del", vif["name"])
        for group in sorted(self.json("group", "list"), key=lambda g: g["parent"] == "port"):
            self.ok("group", "del", group["name"])
        self.ok("qos", "set", "port", "--max", "off", "--min", "off")

    def ok(self, *words):
        result = self.device.run(*words)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout

    def json(self, *words):
        return json.loads(self.ok(*words, "--json"))

    def refused(self, status, part, *words):
        result = self.device.run(*words)
        self.assertEqual(result.returncode, status, (words, result.stderr))
        self.assertIn(part, result.stderr)
        self.assertTrue(result.stderr.endswith("\n"))
        return result.stdout

    def test_life_of_a_vif(self):
        vif = self.json("vif", "add", "web", "--max", "2.5G", "--rx-max", "1G", "--vlan", "100",
                        "--queues", "8", "--mtu", "1500", "--mac", "52:54:00:12:34:56", "--trusted",
                        "--map-queue")
        expected = {"name": "web", "max_bps": 2500000000, "rx_max_bps": 1000000000, "vlan": 100,
                    "queues": 8, "mtu": 1500, "mac": "52:54:00:12:34:56", "trusted": True,
                    "map_queue": True, "vectors": 17, "state": "reset", "link": "up", "connected": False}
        self.assertEqual({key: vif[key] for key in expected}, expected)
        self.assertTrue(pathlib.Path(vif["socket"]).is_socket())
        for rate, bps in (("50M", 50000000), ("off", 0), ("300k", 300000)):
            self.assertEqual(self.json("vif", "set", "web", "--max", rate)["max_bps"], bps)
        vif = self.json("vif", "set", "web", "--link", "down", "--vlan", "off", "--no-trusted",
                        "--no-map-queue", "--mac", "52:54:00:12:34:57", "--mtu", "9000")
        self.assertEqual((vif["link"], vif["vlan"], vif["trusted"], vif["map_queue"], vif["mac"],
                          vif["mtu"]), ("down", 0, False, False, "52:54:00:12:34:57", 9000))
        self.assertEqual(self.json("vif", "show", "web"), vif)
        self.assertEqual(self.ok("vif", "del", "web"), "")
        self.assertFalse(pathlib.Path(vif["socket"]).exists())
        self.refused(1, "there is no VIF web", "vif", "show", "web")

    def test_tables_are_aligned_and_plain_in_a_pipe(self):
        self.assertIn("There is no VIF", self.ok("vif", "list"))
        self.ok("vif", "add", "a", "--max", "2.5G")
        self.ok("vif", "add", "a-long-name", "--vlan", "4094")
        lines = self.ok("vif", "list").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(len({line.index(word) for line, word in
                              zip(lines, ("STATE", "reset", "reset"))}), 1)
        self.assertEqual(len({line.index(word) + len(word) for line, word in
                              zip(lines, ("MAX", "2.5G", "off"))}), 1)
        for words in (("vif", "list"), ("vif", "show", "a"), ("stats",), ("stats", "a"),
                      ("iommu", "show", "a"), ("faults",), ("status",)):
            self.assertNotIn("\033", self.ok(*words))

    def test_reports(self):
        self.ok("vif", "add", "a")
        stats = self.json("stats")
        self.assertEqual([vif["name"] for vif in stats["vifs"]], ["a"])
        self.assertIn("wire_rx_packets", stats["device"])
        self.assertEqual(self.json("stats", "a")["vifs"][0]["counters"]["tx_packets"], 0)
        self.assertIn("packets taken from the guest", self.ok("stats", "a"))
        self.assertEqual(self.json("faults", "a")["faults"], [])
        self.assertIn("No DMA fault", self.ok("faults"))
        self.assertEqual(self.ok("faults", "--watch=0.1", "--count", "2"), "")
        iommu = self.json("iommu", "show", "a")
        self.assertEqual((iommu["maps"], iommu["map"], iommu["dirty_log"]), (0, [], None))
        self.assertGreater(iommu["tables"]["bytes_max"], iommu["tables"]["bytes"])
        text = self.ok("iommu", "show", "a")
        for words in ("maps          0, 0 B", "tables        0 B of at most 4 MiB", "faults        0",
                      "dirty log     off"):
            self.assertIn(words, text)
        self.refused(1, "there is no VIF b", "iommu", "show", "b")
        self.refused(2, "", "iommu", "show")
        self.assertEqual(self.device.status()["wire"], "null")
        self.assertEqual(self.ok("stats", "--watch=0.1", "--count", "2").count("TX BIT/s"), 2)
        lines = self.ok("stats", "a", "--watch=0.1", "--count", "3", "--json").splitlines()
        times = [json.loads(line)["time_ns"] for line in lines]
        self.assertEqual((len(times), times), (3, sorted(times)))

    def test_senders_can_be_made_to_wait(self):
        self.ok("vif", "add", "a", "--rx-wait", "2.5ms")
        self.assertEqual(self.json("vif", "show", "a")["rx_wait_us"], 2500)
        self.assertIn("rx-wait 2500us", self.ok("vif", "show", "a"))
        self.ok("vif", "set", "a", "--rx-wait", "off")
        self.assertEqual(self.json("vif", "show", "a")["rx_wait_us"], 0)
        self.refused(2, "is not a time from 1us to 1s", "vif", "set", "a", "--rx-wait", "2s")

    def test_watching_wants_sensible_numbers(self):
        for words in (("stats",), ("faults",), ("qos", "show")):
            for count in ("0", "-1", "two", "2x", "", "99999999999999999999"):
                self.refused(2, f'--count: "{count}"', *words, "--watch=0.1", f"--count={count}")
            self.refused(2, "give both", *words, "--count", "2")
            for time_s in ("0", "-1", "1s", "nan", "1e9"):
                self.refused(2, f'--watch: "{time_s}"', *words, f"--watch={time_s}")

    def make_tree(self):
        self.ok("qos", "set", "port", "--max", "20G")
        self.ok("group", "add", "blue", "--max", "10G", "--weight", "2")
        self.ok("group", "add", "lab", "--parent", "blue", "--min", "1G", "--burst", "1MiB")
        self.ok("vif", "add", "web", "--group", "blue", "--min", "2.5G", "--max", "5G",
                "--classes", "2", "--lanes", "0,0,0,0,0,0,0,1", "--dscp", "46=7,10=3")
        self.ok("vif", "add", "db", "--group", "lab", "--max-pps", "1.5M", "--priority", "3")
        self.ok("vif", "add", "free", "--rx-max", "2G")
        self.ok("qos", "set", "web/1", "--priority", "7", "--max", "100M")

    def test_tree_is_shown_as_it_was_made(self):
        self.make_tree()
        lines = self.ok("qos", "show").splitlines()
        self.assertEqual([line.split()[0] for line in lines],
                         ["NODE", "port", "free", "blue", "web", "web/0", "web/1", "lab", "db"])
        self.assertEqual([len(line) - len(line.lstrip()) for line in lines],
                         [0, 0, 2, 2, 4, 6, 6, 4, 6])
        self.assertEqual(lines[6].split()[1:6], ["-", "100M", "-", "1", "7"])
        self.assertEqual(len(self.ok("qos", "show", "lab").splitlines()), 3)
        show = self.json("qos", "show", "web")
        self.assertEqual([node["node"] for node in show["nodes"]], ["web", "web/0", "web/1"])
        self.assertEqual({node["limited_by"] for node in show["nodes"]}, {"idle"})
        self.assertEqual({sum(node["samples"].values()) for node in show["nodes"]}, {21})
        lines = self.ok("qos", "show", "--watch=0.1", "--count", "2", "--json").splitlines()
        self.assertEqual([len(json.loads(line)["nodes"]) for line in lines], [8, 8])
        web = self.json("vif", "show", "web")
        self.assertEqual((web["group"], web["min_bps"], web["lanes"], web["dscp"]),
                         ("blue", 2500000000, [0, 0, 0, 0, 0, 0, 0, 1], {"46": 7, "10": 3}))
        self.assertIn("class 1    max 100M, priority 7", self.ok("vif", "show", "web"))
        groups = {group["name"]: group for group in self.json("group", "list")}
        self.assertEqual((groups["lab"]["parent"], groups["lab"]["vifs"]), ("blue", 1))

    def test_what_does_not_fit_changes_nothing(self):
        self.make_tree()
        before = self.json("qos", "save")
        self.refused(1, "min 7G of VIF more does not fit: group blue has 6.5G left of its max 10G",
                     "vif", "add", "more", "--group", "blue", "--min", "7G")
        self.refused(1, "min 7.6G of VIF db does not fit: group blue has 7.5G left of its max 10G "
                     "for all of group lab", "qos", "set", "db", "--min", "7.6G")
        self.refused(1, "max 3G of group blue is below the 3.5G", "qos", "set", "blue", "--max",
                     "3G")
        self.refused(1, "above its own max 5G", "qos", "set", "web", "--min", "6G")
        self.refused(1, "group lab is in it", "group", "del", "blue")
        self.refused(1, "groups nest once", "group", "add", "deep", "--parent", "lab")
        self.refused(1, "did you mean blue?", "vif", "set", "free", "--group", "bleu")
        self.assertIn("priority 0 -> 4", self.ok("qos", "set", "free", "--priority", "4",
                                                 "--dry-run"))
        self.assertIn("Nothing would change", self.ok("qos", "set", "port", "--max", "20G",
                                                      "--dry-run"))
        self.assertEqual(self.json("qos", "save"), before)

    def test_tree_is_saved_and_loaded(self):
        self.make_tree()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tree.json"
            self.ok("qos", "save", path)
            saved = json.loads(path.read_text())
            self.assertEqual(json.loads(self.ok("qos", "save")), saved)
            self.assertEqual(os.listdir(folder), ["tree.json"])
            self.ok("vif", "set", "web", "--classes", "off", "--group", "port", "--min", "off")
            self.ok("vif", "set", "db", "--group", "blue", "--min", "9G")
            self.ok("group", "del", "lab")
            self.ok("group", "add", "extra")
            self.ok("qos", "set", "port", "--max", "9G")
            dry = self.ok("qos", "load", path, "--dry-run")
            self.assertIn("lab: new group below blue", dry)
            self.assertIn("extra: group is deleted", dry)
            self.assertIn("db: min 9G -> off", dry)
            self.assertEqual([g["name"] for g in self.json("group", "list")], ["blue", "extra"])
            self.assertEqual(self.ok("qos", "load", path).splitlines()[1:],
                             dry.splitlines()[1:])
            self.assertEqual(sorted(self.json("qos", "save")["groups"], key=str),
                             sorted(saved["groups"], key=str))
            self.assertEqual(self.json("qos", "save")["vifs"], saved["vifs"])
            self.assertEqual(self.ok("qos", "load", path), "Nothing changed.\n")
            os.kill(self.device.status()["firmware"]["pid"], signal.SIGKILL)
            wait_for(lambda: self.device.status()["firmware"]["state"] != "starting", "firmware")
            self.assertEqual(self.ok("qos", "load", path), "Nothing changed.\n")
            self.assertNotIn("refused", self.device.log_path.read_text())
            self.check_bad_files(path, saved)
        self.refused(1, "cannot read", "qos", "load", "/nonexistent/tree.json")
        self.refused(1, "cannot write", "qos", "save", "/nonexistent/tree.json")

    def check_bad_files(self, path, saved):
        for text, part in (("{", "is not complete"), ('{\n"port" 7}', "line 2"),
                           ("{} x", "something follows"), ("[]", "not an object"),
                           ('{"groups": [{"name": "a"}, {"name": "A"}]}', "groups[1] (A)"),
                           ('{"vifs": [{"name": "wbe"}]}', "did you mean web?")):
            path.write_text(text)
            self.refused(1, part, "qos", "load", path)
        saved["vifs"][0]["min_bps"] = "25G"
        path.write_text(json.dumps(saved))
        self.refused(1, "min 25G of VIF", "qos", "load", path, "--dry-run")
        self.refused(1, "min 25G of VIF", "qos", "load", path)

    def test_qemu_args_survive_a_shell(self):
        self.ok("vif", "add", "web")
        words = self.json("vif", "qemu-args", "web", "--memory", "4G")
        script = 'eval "set -- $(svio vif qemu-args web --memory 4G)"; printf "%s\\n" "$@"'
        result = subprocess.run(["sh", "-c", script], text=True, capture_output=True, check=True,
                                env={"PATH": f"{BIN}:{os.environ['PATH']}",
                                     "SVIO_RUN_DIR": str(self.device.run_dir)})
        self.assertEqual(result.stdout.splitlines(), words)
        self.assertIn("share=on", words[1])
        device = json.loads(words[-1])
        self.assertEqual(device["driver"], "vfio-user-pci")
        self.assertEqual(device["socket"]["path"], str(self.device.run_dir / "web.sock"))
        result = self.device.run("vif", "qemu-args", "web")
        self.assertIn("share=on", result.stderr)  # the reminder is not among the arguments
        self.assertEqual(len(result.stdout.splitlines()), 1)
        self.refused(2, "not a size", "vif", "qemu-args", "web", "--memory", "4X")

    def test_mistakes_get_a_sentence_and_a_status(self):
        self.ok("vif", "add", "web")
        self.refused(1, "exists already", "vif", "add", "web")
        self.refused(1, "cannot be a VIF's name", "vif", "add", "../x")
        self.refused(1, "did you mean web?", "vif", "del", "wbe")
        self.refused(2, "See svio vif set --help", "vif", "set", "web", "--queues", "2")
        self.refused(2, "is not a rate", "vif", "set", "web", "--max", "fast")
        self.refused(2, "is not a MAC address", "vif", "add", "b", "--mac", "1:2")
        self.refused(2, "whole number from 1 to 32", "vif", "add", "b", "--queues", "33")
        self.refused(2, "whole number", "vif", "add", "b", "--vlan", "-1")
        self.refused(2, "neither up nor down", "vif", "set", "web", "--link", "sideways")
        self.refused(2, "what?", "vif", "set", "web")
        self.refused(2, "which VIF?", "vif", "del")
        self.refused(2, "is too much", "vif", "del", "a", "b")
        self.refused(2, "did you mean list?", "vif", "lst")
        self.refused(2, "did you mean stats?", "stat")
        self.refused(2, "unrecognized option", "--jason", "vif", "list")
        self.refused(2, "not a time", "stats", "--watch=0")
        self.refused(2, "whole number from 1 to 65535", "vif", "set", "web", "--weight", "0")
        self.refused(2, "whole number from 0 to 7", "qos", "set", "web", "--priority", "8")
        self.refused(2, "not a number of bytes", "qos", "set", "web", "--burst", "much")
        self.refused(2, "out of range", "qos", "set", "web", "--max-pps", "2G")
        self.refused(2, "too low: at least 1k", "qos", "set", "web", "--min", "999")
        self.refused(2, "too high: at most 400G", "qos", "set", "web", "--max", "1T")
        self.refused(2, "what?", "qos", "set", "web", "--dry-run")
        self.refused(2, "which node?", "qos", "set", "--max", "1G")
        self.refused(2, "which group?", "group", "add")
        self.refused(2, "which file?", "qos", "load")
        for lanes in ("0,1,2", "0,0,0,0,0,0,0,0,0", "0,0,0,0,0,0,0,8", "a", "0,0,0,0,0,0,0,0x"):
            self.refused(2, "--lanes", "vif", "set", "web", "--classes", "2", "--lanes", lanes)
        for dscp in ("64=1", "46=8", "46", "46=5,", "46:5", "-1=1", ""):
            self.refused(2, "write it like 46=5,10=1", "vif", "set", "web", "--dscp", dscp)
        self.refused(1, "has no classes: svio vif set web --classes N", "qos", "set", "web/0",
                     "--max", "1G")
        self.refused(1, "did you mean web?", "qos", "set", "wbe", "--max", "1G")
        self.refused(1, "did you mean web?", "qos", "show", "wbe")
        answer = json.loads(self.refused(1, "no VIF", "vif", "show", "zzz", "--json"))
        self.assertEqual((answer["ok"], answer["error"]["code"]), (False, "ENOENT"))

    def test_help_is_everywhere(self):
        overview = self.ok("--help")
        for words in (("vif", "add"), ("vif", "set"), ("vif", "del"), ("vif", "list"),
                      ("vif", "show"), ("vif", "qemu-args"), ("group", "add"), ("group", "del"),
                      ("group", "list"), ("qos", "show"), ("qos", "set"), ("qos", "save"),
                      ("qos", "load"), ("iommu", "show"), ("stats",), ("faults",), ("status",)):
            self.assertIn(" ".join(words), overview)
            text = self.ok(*words, "--help")
            self.assertIn("Usage: svio " + " ".join(words), text)
            self.assertIn("Examples:", text)
        self.assertIn("svio 0.", self.ok("--version"))
        self.assertEqual(self.device.run().returncode, 2)

    def test_no_sviod_is_said(self):
        result = self.device.run("--run-dir", "/nonexistent", "vif", "list")
        self.assertEqual(result.returncode, 1)
        self.assertIn("sviod is not running", result.stderr)
        result = self.device.run("--run-dir", "/" + "x" * 200, "vif", "list")
        self.assertEqual(result.returncode, 2)

    def test_second_sviod_is_refused(self):
        result = subprocess.run([BIN / "sviod", "--run-dir", self.device.run_dir, "--wire", "null"],
                                text=True, capture_output=True, timeout=WAIT_S, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"process {self.device.process.pid}", result.stderr)

    def test_wire_that_cannot_be_opened_ends_sviod(self):
        with tempfile.TemporaryDirectory() as run_dir:
            result = subprocess.run(
                [BIN / "sviod", "--run-dir", run_dir, "--wire", "af_packet:no-such-if"],
                text=True, capture_output=True, timeout=WAIT_S, check=False)
            self.assertEqual(os.listdir(run_dir), ["lock"])
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("cannot open the wire", result.stderr)

    def test_firmware_killed_comes_back_with_all_vifs(self):
        for i in range(20):
            self.ok("vif", "add", f"v{i}", "--max", "1G")
        for restarts in range(1, 6):
            before = self.device.status()["firmware"]
            os.kill(before["pid"], signal.SIGKILL)
            # Meanwhile the administrator goes on.
            self.ok("vif", "set", "v3", "--max", f"{restarts}M")
            self.ok("vif", "add", f"new{restarts}")
            now = wait_for(lambda pid=before["pid"]: (fw := self.device.status()["firmware"]) and
                           fw["pid"] not in (0, pid) and fw["state"] != "starting" and fw,
                           "a new firmware")
            self.assertEqual(now["restarts"], before["restarts"] + 1)
        vifs = self.json("vif", "list")
        self.assertEqual(len(vifs), 25)
        self.assertEqual({vif["state"] for vif in vifs}, {"reset"})
        self.assertEqual(self.json("vif", "show", "v3")["max_bps"], 5000000)


if __name__ == "__main__":
    unittest.main()
