#!/usr/bin/env bash
# A real Slurm on one machine, for tests: a controller and N nodes, each in namespaces of its own (network,
# host name, processes, mounts), with one file system. Needs root and Debian's slurmctld, slurmd, slurm-client
# and munge. Addresses exist only inside the namespaces.
#   slurm-cluster.sh up N     start; prints the nodes once all are idle
#   slurm-cluster.sh run CMD  run a command on the controller's machine
#   slurm-cluster.sh kill I | boot I    power off node I | start it again
#   slurm-cluster.sh cut I | heal I     take node I off the network | put it back
#   slurm-cluster.sh down     end everything and remove it
# ROOT is its folder, P the prefix of its namespaces, NET its network. Status 77: it cannot run here.
set -eu
ROOT=${ROOT:-${TMPDIR:-/tmp}/oobleck-slurm-lab} P=${P:-osl} NET=${NET:-10.78.0}

require() {
    local tool
    [ "$(id -u)" = 0 ] || { echo "slurm lab: needs root" >&2; exit 77; }
    for tool in slurmctld slurmd sbatch munged ip nsenter unshare; do
        PATH=$PATH:/usr/sbin command -v $tool >/dev/null ||
            { echo "slurm lab: no $tool; apt install slurmctld slurmd slurm-client munge iproute2" >&2; exit 77; }
    done
    unshare --net --pid --fork true 2>/dev/null || { echo "slurm lab: namespaces are not allowed" >&2; exit 77; }
}

# A machine: process 1 is the given command, and all that runs there ends with it.
machine() { # NAMESPACE HOST COMMAND
    local ns=$1 host=$2
    shift 2
    setsid nsenter --net=/run/netns/$ns unshare --mount --uts --pid --fork --mount-proc --kill-child bash -c "
        mount -t tmpfs tmpfs /run; mkdir -p /run/munge /run/node
        mount --bind $ROOT/etc_hosts /etc/hosts; hostname $host
        /usr/sbin/munged --force --syslog --key-file=$ROOT/munge.key --socket=/run/munge/munge.socket.2 \
            --pid-file=/run/munge/munged.pid --log-file=$ROOT/$host/munged.log --seed-file=$ROOT/$host/munge.seed
        export SLURM_CONF=$ROOT/slurm.conf; exec $*" </dev/null >>$ROOT/$host/out 2>&1 &
    echo $! >$ROOT/$host/pid
}

boot() { machine ${P}$1 node$1 "/usr/sbin/slurmd -D"; }

configure() { # N
    cat >$ROOT/slurm.conf <<C
ClusterName=lab
SlurmctldHost=ctl
SlurmUser=root
AuthType=auth/munge
CryptoType=crypto/munge
StateSaveLocation=$ROOT/ctl/state
SlurmdSpoolDir=$ROOT/%n/spool
SlurmctldPidFile=$ROOT/ctl/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=$ROOT/ctl/slurmctld.log
SlurmdLogFile=$ROOT/%n/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdTimeout=5
SlurmctldTimeout=10
MessageTimeout=5
TCPTimeout=2
KillWait=5
InactiveLimit=0
ReturnToService=2
JobRequeue=1
SchedulerParameters=bf_interval=2,sched_interval=2,sched_min_interval=100000
NodeName=node[1-$1] CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=spot Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
C
    printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainCores=no\n' >$ROOT/cgroup.conf
}

up() { # N
    local i
    require
    mkdir -p $ROOT/ctl/state
    (umask 077 && head -c 1024 /dev/urandom >$ROOT/munge.key)
    printf '127.0.0.1 localhost\n%s.254 ctl\n' $NET >$ROOT/etc_hosts
    for i in $(seq $1); do
        echo "$NET.$i node$i" >>$ROOT/etc_hosts
        mkdir -p $ROOT/node$i/spool
    done
    configure $1
    ip netns add ${P}hub
    ip -n ${P}hub link set lo up
    ip -n ${P}hub link add br0 type bridge
    ip -n ${P}hub addr add $NET.254/24 dev br0
    ip -n ${P}hub link set br0 up
    for i in $(seq $1); do
        ip netns add ${P}$i
        ip -n ${P}$i link set lo up
        ip -n ${P}hub link add v$i type veth peer name eth0 netns ${P}$i
        ip -n ${P}hub link set v$i master br0 up
        ip -n ${P}$i addr add $NET.$i/24 dev eth0
        ip -n ${P}$i link set eth0 up
    done
    machine ${P}hub ctl "/usr/sbin/slurmctld -D"
    for i in $(seq $1); do boot $i; done
    for i in $(seq 150); do
        [ "$(run sinfo -h -o %D -t idle -p main 2>/dev/null)" = "$1" ] && return
        sleep .2
    done
    echo "slurm lab: the nodes were not idle within 30 s; see $ROOT/ctl/slurmctld.log" >&2
    exit 1
}

run() { # The file names unshare; its child is process 1 of the machine.
    local first
    first=$(pgrep -P $(cat $ROOT/ctl/pid) | head -1)
    nsenter -t $first -m -u -n -p --wd="$PWD" env SLURM_CONF=$ROOT/slurm.conf "$@"
}

down() {
    local file ns
    for file in $ROOT/*/pid; do
        [ -f $file ] && kill -9 $(cat $file) 2>/dev/null || :
    done
    for ns in $(ip netns list 2>/dev/null | awk '{print $1}' | grep -E "^${P}([0-9]+|hub)$" || :); do
        ip netns pids $ns | xargs -r kill -9 2>/dev/null || :
        ip netns del $ns 2>/dev/null
    done
    sleep .2
    rm -rf "$ROOT"
}

case ${1:-} in
up) up $2 ;;
run) shift && run "$@" ;;
kill) kill -9 $(cat $ROOT/node$2/pid) ;;
boot) boot $2 ;;
cut) ip -n ${P}hub link set v$2 down ;;
heal) ip -n ${P}hub link set v$2 up ;;
down) down ;;
*) sed -n 's/^#  *slurm-cluster.sh/slurm-cluster.sh/p' "$0" >&2 && exit 64 ;;
esac
