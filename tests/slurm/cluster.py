"""A whole Slurm on this machine: munged, slurmctld and slurmd on loopback, in one folder.

    with Cluster(folder, cores=8) as cluster:
        subprocess.run(["sbatch", ...], env=cluster.environment)

Needs root and Debian's slurm-wlm and munge; no systemd, no cgroups. Every daemon is a child of this
process and is ended by number when the block ends.
"""
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobRequeue=1
ReturnToService=2
KillWait=10
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not():
    """Why no cluster can be had here; None when one can."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol") if not which(name)]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: slurm-wlm, munge)"
    return None if os.geteuid() == 0 else "needs root"


def which(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cluster:
    def __init__(self, folder, cores):
        self.folder = Path(folder)
        self.daemons = []
        self.host = socket.gethostname().split(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o400)
        configuration = self.folder / "slurm.conf"
        configuration.write_text(
            CONFIGURATION.format(
                host=self.host, folder=self.folder, cores=cores, controller_port=free_port(), node_port=free_port()
            )
        )
        self.environment = dict(os.environ, SLURM_CONF=str(configuration))

    def __enter__(self):
        try:
            folder = self.folder
            self.start(
                "munged", "--foreground", "--force", f"--key-file={folder}/munge.key",
                f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
                f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed", "--num-threads=2",
            )  # fmt: skip
            self.wait_for(lambda: (folder / "munge.socket").exists(), "munged")
            self.start("slurmctld", "-D", "-i")
            self.start("slurmd", "-D", "-N", self.host)
            self.wait_for(self.is_up, "the node")
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, name, *arguments):
        output = open(self.folder / f"{name}.out", "wb")
        self.daemons.append(
            subprocess.Popen([which(name), *arguments], env=self.environment, stdout=output, stderr=output,
                             start_new_session=True)
        )  # fmt: skip

    def ask(self, *command):
        """What a command prints; an error when it fails."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def is_up(self):
        done = subprocess.run(["sinfo", "--noheader", "--format=%T"], env=self.environment, capture_output=True)
        return b"idle" in done.stdout

    def has_jobs(self):
        done = subprocess.run(["squeue", "--noheader"], env=self.environment, capture_output=True)
        return done.returncode == 0 and bool(done.stdout)

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or any(daemon.poll() is not None for daemon in self.daemons):
                raise RuntimeError(f"{what} did not come up; see the logs in {self.folder}:\n{self.logs()}")
            time.sleep(0.1)

    def logs(self):
        files = sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in files)

    def step_daemons(self):
        """Numbers of the processes that slurmd started: they hold its log open."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text() != "slurmstepd\n":
                    continue
                files = [os.readlink(file) for file in (process / "fd").iterdir()]
            except OSError:
                continue  # it has ended
            if any(file.startswith(str(self.folder)) for file in files):
                yield int(process.name)

    def end_step_daemons(self):
        """Waits for them while there is somebody to report to."""
        end = time.monotonic() + 15
        while list(self.step_daemons()) and time.monotonic() < end:
            time.sleep(0.2)
        for number in self.step_daemons():
            os.kill(number, signal.SIGKILL)

    def __exit__(self, *_):
        # Jobs first: their step daemons are not our children.
        end = time.monotonic() + 20
        while self.has_jobs() and time.monotonic() < end:
            subprocess.run(["scancel", "--me"], env=self.environment, capture_output=True)
            time.sleep(0.5)
        self.end_step_daemons()
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
