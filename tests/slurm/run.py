#!/usr/bin/env python3
"""An 8-trial array on a real Slurm: one batch process is killed, one job is requeued, one is cancelled.

    run.py STOCKPOT --demo DEMO                  eight fine-tunings on the data that come with stockpot
    run.py STOCKPOT TOY_WORKER                   the toy of this folder, which trains nothing
    run.py STOCKPOT TOY_WORKER --time-limit      instead: a task that runs out of time asks for more

Afterwards every trial must be done, every result equal that of an undisturbed local run but for
times, and the soups of both be the same file. Exit code 77: there is no Slurm here.
"""
import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cluster import Cluster, why_not

RECIPE = """
version: 1
model: {{from: {demo}/tin-resnet18w32-64}}
data:
  train: {{tar: {demo}/emoji/fluent-high-contrast.tar.gz, splits: {demo}/emoji/splits.csv, split: train}}
  val: {{tar: {demo}/emoji/fluent-high-contrast.tar.gz, splits: {demo}/emoji/splits.csv, split: test}}
methods: {{lp: {{c: [0.01, 0.1]}}}}
train: {{batch: 32}}
search: {{runs: 7, space: {{epochs: {{choice: [2, 3]}}, augment: {{choice: [minimal, strong]}}}}}}
checkpoint: {{every: 2s}}
heartbeat: {{every: 1s, stale_after: 10s}}
on_failure: {{retries: 5}}
"""
STRUCK = {"killed": 1, "requeued": 2, "cancelled": 3}  # which running trial meets what


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("stockpot")
    parser.add_argument("toy", nargs="?")
    parser.add_argument("--demo")
    parser.add_argument("--time-limit", action="store_true")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--milliseconds", type=int, default=100)
    return parser.parse_args()


class Sweep:
    """A sweep in a folder, and what its files say."""

    def __init__(self, options, folder, trials, steps):
        self.options, self.folder = options, folder
        if options.demo:
            recipe = folder.with_suffix(".yaml")
            recipe.write_text(RECIPE.format(demo=options.demo))
            make = [options.stockpot, "sweep", "init", recipe, "--out", folder]
        else:
            make = [options.toy, "plan", folder, trials, steps, options.milliseconds]
        subprocess.run([str(word) for word in make], check=True)
        self.ids = [trial["id"] for trial in json.loads((folder / "sweep.json").read_text())["trials"]]

    def command(self, *flags):
        worker = [] if self.options.demo else ["--worker", self.options.toy]
        return [str(word) for word in [self.options.stockpot, "sweep", "run", self.folder, *worker, *flags]]

    def attempts(self, trial):
        return sorted((self.folder / "runs" / trial / "attempts").glob("*"))

    def owner(self, trial):
        """The claim of the attempt that is under way, or None."""
        attempts = self.attempts(trial)
        if not attempts or (self.folder / "runs" / trial / "result.json").exists():
            return None
        try:
            claim = json.loads((attempts[-1] / "claim.json").read_text())
        except (OSError, ValueError):
            return None
        return None if (attempts[-1] / "outcome.json").exists() else claim

    def endings(self, trial):
        files = [attempt / "outcome.json" for attempt in self.attempts(trial)]
        return [json.loads(file.read_text())["ending"] for file in files if file.exists()]

    def results(self):
        def lasting(trial):
            result = json.loads((self.folder / "runs" / trial / "result.json").read_text())
            return {key: value for key, value in result.items() if key != "seconds"}

        return {trial: lasting(trial) for trial in self.ids}

    def soup(self):
        """The SHA-256 of the mean of all models."""
        out = self.folder.with_suffix(".soup")
        models = [self.folder / "runs" / trial / "model" for trial in self.ids]
        subprocess.run([self.options.stockpot, "average", *models, "-o", out, "-q"], check=True,
                       stdout=subprocess.DEVNULL)
        return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def wait_for(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise RuntimeError(f"timed out waiting for {what}")
        time.sleep(0.05)


def require(truth, told):
    if not truth:
        raise RuntimeError(told)


def release(cluster, job):
    """Slurm holds requeued jobs back for two minutes; not here."""
    for _ in range(100):
        state = cluster.ask("scontrol", "show", "job", "--oneliner", job)
        if "Restarts=1" in state and ("JobState=RUNNING" in state or "JobState=COMPLETED" in state):
            return
        update = ["scontrol", "update", f"jobid={job}", "StartTime=now"]
        subprocess.run(update, env=cluster.environment, capture_output=True)  # refused while it is ending
        time.sleep(0.5)
    raise RuntimeError(f"job {job} did not start again:\n{state}")


def disturb(cluster, sweep):
    """Strikes three running trials; returns their ids by what they met."""
    running = wait_for("running tasks", lambda: (ids := [i for i in sweep.ids if in_the_middle(sweep, i)])[3:] and ids)
    struck = {what: running[place] for what, place in STRUCK.items()}
    owners = {what: sweep.owner(trial) for what, trial in struck.items()}
    names = dict(line.split() for line in cluster.ask("squeue", "--array", "--noheader", "--format=%A %F_%K").splitlines())
    tasks = {what: names[owner["job"]] for what, owner in owners.items()}
    os.kill(owners["killed"]["pid"], signal.SIGKILL)
    cluster.ask("scancel", tasks["cancelled"])
    cluster.ask("scontrol", "requeue", tasks["requeued"])
    release(cluster, tasks["requeued"])
    return struck


def in_the_middle(sweep, trial):
    """Running, and some of its steps are done."""
    if not sweep.owner(trial):
        return False
    try:
        return json.loads((sweep.attempts(trial)[-1] / "progress.json").read_text()).get("step", 0) > 0
    except (OSError, ValueError):
        return False


def array(options, cluster, folder):
    undisturbed = Sweep(options, folder / "undisturbed", 8, options.steps)
    subprocess.run(undisturbed.command("--quiet", "--jobs", "2", "--threads", "2"), check=True, stdout=subprocess.DEVNULL)
    sweep = Sweep(options, folder / "disturbed", 8, options.steps)
    command = sweep.command("--launcher", "slurm", "--poll", "0.5", "--cpus", "1")
    following = subprocess.Popen(command, env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    struck = disturb(cluster, sweep)
    out, err = following.communicate(timeout=600)
    print(out + err)
    require(following.returncode == 75, f"one task was cancelled: expected 75, got {following.returncode}")
    require(f"the task of {struck['cancelled']} was cancelled" in err, "the cancelled task is not named")
    again = subprocess.run(command, env=cluster.environment, capture_output=True, text=True, timeout=600)
    print(again.stdout + again.stderr)
    require(again.returncode == 0, f"expected 0, got {again.returncode}")
    endings = {what: sweep.endings(trial) for what, trial in struck.items()}
    print("endings:", endings)
    require(endings["killed"] == ["died"], "the killed task's attempt did not die")
    require(endings["requeued"] == ["interrupted"], "the requeued task did not save and give back")
    require(endings["cancelled"] == ["interrupted"], "the cancelled task did not save and give back")
    require(sweep.results() == undisturbed.results(), "results differ from the undisturbed run")
    print("all results equal those of the undisturbed run")
    if options.demo:
        require(sweep.soup() == undisturbed.soup(), "the soup differs from the undisturbed run's")
        print("so does the soup")


def time_limit(options, cluster, folder):
    """A task of 80 s with a limit of 60 s: it saves, asks for its job again and ends in the second round."""
    sweep = Sweep(options, folder / "limited", 1, 80_000 // options.milliseconds)
    command = sweep.command("--launcher", "slurm", "--poll", "0.5", "--time", "1", "--signal-before", "30")
    following = subprocess.Popen(command, env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while following.poll() is None:
        for line in cluster.ask("squeue", "--me", "--noheader", "--states=PENDING", "--format=%A").split():
            subprocess.run(["scontrol", "update", f"jobid={line}", "StartTime=now"], env=cluster.environment)
        time.sleep(1)
    out, err = following.communicate()
    print(out + err, *[file.read_text() for file in (sweep.folder / "slurm").glob("*.log")])
    require(following.returncode == 0, f"expected 0, got {following.returncode}")
    print("endings:", sweep.endings(sweep.ids[0]))
    require(set(sweep.endings(sweep.ids[0])) == {"interrupted"}, "it was to be interrupted")


def main():
    options = parse()
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        return 77
    with tempfile.TemporaryDirectory(prefix="stockpot-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Cluster(folder / "cluster", cores=8) as cluster:
            try:
                (time_limit if options.time_limit else array)(options, cluster, folder)
            except Exception as error:
                print(f"FAILED: {error}\n{cluster.logs()}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
