"""Plans on a pretended MI300X, against true-size stand-ins."""

from __future__ import annotations

import tomllib

from hub import Hub

from .layouts import TEACHER
from .registry import afresh, check, ended, says
from .world import PROFILE, Done, World

GB_SAID, GIB_SAID = int(191.7e9), int(191.7 * 2**30)  # what a card reports, if its unit is the one or the other
ROOM = 2 * 10**12  # bytes of a disk that is large enough


def _plan(world: World, gpu: int, disk: int = ROOM, odd_tensor: bool = False, only: str = "") -> tuple[Done, Hub]:
    with world.true_size_hub(odd_tensor) as hub:
        done = world.run_all(hub, afresh(world, f"plan{only}"), "--plan", *(("--only", only) if only else ()),
                             smaller=False, PRETEND_GPU_BYTES=str(gpu), PRETEND_DISK_BYTES=str(disk))
    ended(done, 0)
    return done, hub


@check("plan: nothing but headers is fetched for it", short=True)
def plan_fetches_headers(world: World) -> None:
    _, hub = _plan(world, GB_SAID, only="01")
    assert sum(hub.served.values()) == 0, f"{sum(hub.served.values())} bytes"
    assert sum(hub.peeked.values()) < 64 * 2**20, f"{sum(hub.peeked.values())} bytes of headers"


@check("plan: the flat teacher of 170.5 GB is chosen on 191.7 GB and on 191.7 GiB")
def plan_takes_the_teacher(world: World) -> None:
    for gpu in (GB_SAID, GIB_SAID):
        done, _ = _plan(world, gpu, only="01")
        line = says(done, f"teacher +yes.*{TEACHER}")
        assert "170.5 GB" in line, line


@check("plan: one tensor without a batched kernel does not refuse a whole file")
def plan_odd_tensor(world: World) -> None:
    done, _ = _plan(world, GB_SAID, odd_tensor=True, only="01")
    says(done, f"teacher +yes.*{TEACHER}")


@check("plan: 795 GB do not fit 537 GB of disk, in all")
def plan_disk(world: World) -> None:
    done, _ = _plan(world, GB_SAID, disk=537 * 10**9, only="01")
    says(done, r"(?i)(in all|together|total).*(not|short|lack|more than)|does not fit.*disk|disk.*does not fit")


@check("plan: no stage says that weights which 01 has read the headers of are not known")
def plan_from_headers(world: World) -> None:
    done, _ = _plan(world, GB_SAID)
    unknown = done.lines("not known yet|models_50k.json does not exist")
    assert not unknown, unknown[0]


@check("plan: the night has a total of hours, downloads in it, and a deadline that it fits or fails by so much")
def plan_total(world: World) -> None:
    for gpu in (GB_SAID, GIB_SAID):
        done, _ = _plan(world, gpu)
        says(done, r"(?i)total.*\d+ ?h|night.*\d+ ?h")
        says(done, r"(?i)deadline")
        says(done, r"(?i)download.*\d+ ?(h|min)")


@check("profile: quotas sum to the size, puzzles among them", short=True)
def profile_says(world: World) -> None:
    profile = tomllib.loads(PROFILE.read_text())
    assert sum(profile["questions"]["quotas"].values()) == profile["questions"]["size"], "quotas are not the size"
    assert profile["questions"]["quotas"].get("puzzle"), "puzzles have no quota"


@check("profile: the training has a deadline, and the backend that has been run")
def profile_trains(world: World) -> None:
    profile = tomllib.loads(PROFILE.read_text())
    assert profile["training"].get("deadline_hours"), "no deadline_hours"
    assert profile["training"].get("backend") == "peft", "the backend is not named"


@check("weights: what does not fit the disk in all is noticed before the first byte")
def disk_too_small(world: World) -> None:
    with world.true_size_hub() as hub:
        done = world.stage("01", hub, afresh(world, "disk"), PRETEND_DISK_BYTES=str(537 * 10**9),
                           PRETEND_GPU_BYTES=str(GB_SAID), limit=60)
        came = sum(hub.served.values())
    ended(done, 1)
    says(done, r"GB of disk|GB.*(free|disk)")
    assert came == 0, f"{came} bytes came before"
