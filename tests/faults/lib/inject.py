"""Injections that outlive a test if nobody takes them back: mounts, loop devices, kernel settings.

Each is undone at the end of the test, after a failure, and after Ctrl-C.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

# Set by suite.py, which imports this module.
Refused = Exception

# Programs, and the Debian package of each.
PROGRAMS = {
    "strace": "strace", "faketime": "faketime", "mkfs.ext4": "e2fsprogs", "rsync": "rsync", "vim": "vim",
    "git": "git", "unshare": "util-linux", "prlimit": "util-linux", "systemd-socket-activate": "systemd",
}

_undo = []


def install():
    """Installs what is missing, where that is possible; a test that misses a program says so."""
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(missing)}", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr)


def need(*programs):
    """Refuses the test if a program is missing."""
    for program in programs:
        if not shutil.which(program):
            raise Refused(f"{program} is not installed")


def run(*command, **options):
    """Runs a command that injects a fault; if the machine does not let it, the test is refused."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise Refused(f"{' '.join(map(str, command))}: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def undo(action):
    """Remembers how to take an injection back."""
    _undo.append(action)


def undo_all():
    while _undo:
        try:
            _undo.pop()()
        except Exception as error:
            print(f"cannot undo: {error}", file=sys.stderr)


def mount(kind, target, options="", source="none"):
    """Mounts something until the end of the test."""
    Path(target).mkdir(parents=True, exist_ok=True)
    run("mount", "-t", kind, *(["-o", options] if options else []), source, target)
    undo(lambda: unmount_all(target))


def unmount_all(target):
    """Unmounts whatever is mounted there, in as many layers as there are."""
    while subprocess.run(["umount", "-l", str(target)], capture_output=True).returncode == 0:
        pass


def ext4(image, target, mib):
    """An ext4 in an image file, mounted through a loop device."""
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    run("mkfs.ext4", "-q", "-F", image)
    mount("ext4", target, "loop", image)


def sysctl(path, value):
    """Sets a kernel setting until the end of the test, or until the returned function is called."""
    path = Path(path)
    before = path.read_text()

    def restore():
        path.write_text(before)

    try:
        path.write_text(f"{value}\n")
    except OSError as error:
        raise Refused(f"{path} = {value}: {error}") from None
    undo(restore)
    return restore


def strace(*injections):
    """The command that injects faults into system calls: `fsync:error=EIO:when=3`."""
    need("strace")
    # The first part of each names one or more calls.
    calls = ",".join(injection.split(":", 1)[0] for injection in injections)
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}"]
    for injection in injections:
        command += ["-e", f"inject={injection}"]
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise Refused(f"strace: {probe.stderr.strip()}")
    return command


class Attached:
    """Faults of system calls for a while: strace attached to a running process, for the time of a `with` block."""

    def __init__(self, site, *injections, paths=()):
        """`paths`: only calls that concern these files."""
        only = [part for path in paths for part in ("-P", str(path))]
        self.command = [*strace(*injections), *only, "-p", str(site.pid)]
        self.pid = site.pid

    def __enter__(self):
        self.strace = subprocess.Popen(self.command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self.is_traced():
            if self.strace.poll() is not None or time.monotonic() > deadline:
                raise Refused(f"strace does not attach: {self.strace.stderr.read().decode()}")
            time.sleep(0.01)
        return self

    def is_traced(self):
        """Whether every thread is: an injection must not miss one."""
        try:
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                if "TracerPid:\t0\n" in (task / "status").read_text():
                    return False
        except OSError:
            return False
        return True

    def __exit__(self, *_):
        self.strace.terminate()
        self.strace.wait()
