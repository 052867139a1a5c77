"""F08: inotify has no watches or no instances left."""

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


def limited(t, limit, value):
    """In a user namespace of its own, which has limits of its own, so that nobody else is disturbed."""
    inject.need("unshare", "nsenter")
    inject.run("unshare", "--user", "--map-root-user", "true")
    path = f"/proc/sys/user/{limit}"
    site = t.site("articles.poll_s = 1")
    tree = Tree(site)
    for n in range(t.size(200, 60)):
        tree.write(f"d{n}/a{n}.md")
    shell = f'echo {value} > {path} && exec "$@"'
    site.start(wrapper=["unshare", "--user", "--map-root-user", "sh", "-c", shell, "sh"])
    took = tree.converges(10, fresh=False)
    watching = wait_for_mode(site, "polling")
    t.check(watching["is_fallback"] and "sysctl" in watching["reason"], f"L6: the reason is {watching}")
    t.check(site.log("polling"), "L6: the log does not say `polling`")
    for path_ in list(tree.present)[:20]:
        tree.edit(path_)
    tree.write("later/new.md")
    edits = tree.converges(10, fresh=False)

    inject.run("nsenter", "--user", "--target", site.pid, "sh", "-c", f"echo 100000 > {path}")
    back = wait("it is back to inotify", lambda: site.status()["watching"]["mode"] == "inotify", 90)
    tree.write("last/new.md")
    tree.converges()
    t.say(f"L1 after {took:.1f} s, edits after {edits:.1f} s; inotify {back:.0f} s after there was room")


def wait_for_mode(site, mode):
    wait(f"it watches by {mode}", lambda: site.status()["watching"]["mode"] == mode, 10)
    return site.status()["watching"]


@fault(
    "F08a", "watch-limit",
    injects="at most 10 inotify watches for 200 directories; later enough",
    demands="polling, L1 within 10 s, L6; inotify again when there is room",
    quick=True,
)
def watches(t):
    limited(t, "max_inotify_watches", 10)


@fault(
    "F08b", "instance-limit",
    injects="no inotify instance; later enough",
    demands="the same",
    quick=False,
)
def instances(t):
    limited(t, "max_inotify_instances", 0)
