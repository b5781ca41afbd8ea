#!/usr/bin/env bash
# Real SSH hosts on one machine, for tests: network namespaces on a bridge, each with its own sshd, host key,
# processes, /run, /dev/shm and FOLDER/data. Needs root. Addresses exist only inside the namespaces.
#
#   ssh-hosts.sh probe FOLDER           tries whether this machine permits all that
#   ssh-hosts.sh up FOLDER N            hosts node1 to nodeN, with all files in FOLDER
#   ssh-hosts.sh run FOLDER COMMAND...  a command on the hub, from which the hosts are reached
#   ssh-hosts.sh off FOLDER I           power off: all processes of host I die at once
#   ssh-hosts.sh on FOLDER I            switch it on again
#   ssh-hosts.sh cut|mend FOLDER I      unplug its cable, and plug it in
#   ssh-hosts.sh block FOLDER I PORT    have host I reach no TCP port PORT
#   ssh-hosts.sh pids FOLDER I          processes on host I, sshd's own left out
#   ssh-hosts.sh down FOLDER            end all, and remove FOLDER
#
# FOLDER gets: ssh_config, known_hosts, hosts (a hostfile), id, data for the hub, and nodeI/data, which host I
# sees as FOLDER/data.
set -euo pipefail
net=10.77.0

# Names of namespaces are the machine's: a lab's have the last characters of its folder's name in them.
prefix() { printf 'obl%s-' "$(printf '%s' "$folder" | cksum | cut -d' ' -f1)"; }
hub() { printf '%shub' "$(prefix)"; }
node() { printf '%s%s' "$(prefix)" "$1"; }

# Closes what a process that outlives this script must not keep open for whoever called it.
close_inherited() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
    done
}

probe() {
    local name
    name=$(prefix)probe
    ip netns add "$name" && ip netns del "$name"
    unshare --mount --uts --pid --net --fork --mount-proc bash -c '
        mount -t tmpfs tmpfs /dev/shm && hostname probe && ip link add br0 type bridge &&
        ip link set lo up && ip rule add ipproto tcp dport 1 prohibit'
}

start_host() {
    local i=$1 d=$folder/node$1
    # Pid 1 of the host is sshd: all its processes die with it.
    close_inherited
    setsid nsenter --net="/run/netns/$(node "$i")" \
        unshare --mount --uts --pid --fork --mount-proc --kill-child bash -c "
            mount -t tmpfs tmpfs /dev/shm
            mount --bind '$d/run' /run && mkdir -p /run/sshd
            mount --bind '$d/data' '$folder/data' && mount --bind '$folder/etc_hosts' /etc/hosts
            hostname node$i
            exec /usr/sbin/sshd -D -f '$d/sshd_config' -E '$d/sshd.log'" \
        </dev/null >"$d/out" 2>&1 &
    printf '%s\n' $! >"$d/pid"
    for _ in $(seq 100); do
        if ip netns exec "$(hub)" bash -c "</dev/tcp/$net.$i/22" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    printf 'ssh-hosts: host %s does not come up: %s\n' "$i" "$(cat "$d/out" "$d/sshd.log")" >&2
    return 1
}

make_host() {
    local i=$1 d=$folder/node$1
    mkdir -p "$d/run" "$d/data"
    ip netns add "$(node "$i")"
    ip -n "$(node "$i")" link set lo up
    ip -n "$(hub)" link add "v$i" type veth peer name eth0 netns "$(node "$i")"
    ip -n "$(hub)" link set "v$i" master br0 up
    ip -n "$(node "$i")" addr add "$net.$i/24" dev eth0
    ip -n "$(node "$i")" link set eth0 up
    ssh-keygen -q -t ed25519 -N '' -f "$d/hostkey"
    printf 'node%s,%s.%s %s\n' "$i" "$net" "$i" "$(cut -d' ' -f1,2 "$d/hostkey.pub")" \
        >>"$folder/known_hosts"
    printf 'node%s slots=1\n' "$i" >>"$folder/hosts"
    printf 'Host node%s\n  HostName %s.%s\n  HostKeyAlias node%s\n' "$i" "$net" "$i" "$i" \
        >>"$folder/ssh_config"
    cat >"$d/sshd_config" <<END
ListenAddress $net.$i:22
HostKey $d/hostkey
AuthorizedKeysFile $folder/id.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PidFile none
END
}

up() {
    mkdir -p "$folder/data"
    chmod 700 "$folder"
    ssh-keygen -q -t ed25519 -N '' -f "$folder/id"
    : >"$folder/known_hosts"
    : >"$folder/hosts"
    printf '127.0.0.1 localhost\n' >"$folder/etc_hosts"
    for i in $(seq "$1"); do printf '%s.%s node%s\n' "$net" "$i" "$i" >>"$folder/etc_hosts"; done
    cat >"$folder/ssh_config" <<END
Host node*
  User root
  IdentityFile $folder/id
  IdentitiesOnly yes
  UserKnownHostsFile $folder/known_hosts
  GlobalKnownHostsFile /dev/null
END
    # The bridge is in a namespace too: this machine's own network has nothing of the lab.
    ip netns add "$(hub)"
    ip -n "$(hub)" link set lo up
    ip -n "$(hub)" link add br0 type bridge
    ip -n "$(hub)" addr add "$net.254/24" dev br0
    ip -n "$(hub)" link set br0 up
    for i in $(seq "$1"); do make_host "$i"; done
    for i in $(seq "$1"); do start_host "$i"; done
}

off() { kill -9 "$(cat "$folder/node$1/pid")"; }

down() {
    for file in "$folder"/node*/pid; do
        [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null || true
    done
    for name in $(ip netns list | cut -d' ' -f1 | grep "^$(prefix)" || true); do
        ip netns pids "$name" | xargs -r kill -9 2>/dev/null || true
        ip netns del "$name"
    done
    rm -rf "$folder"
}

action=${1:?probe, up, run, off, on, cut, mend, block, pids or down}
folder=${2:?a folder}
shift 2
case $action in
probe) probe ;;
up) up "$1" || { down; exit 1; } ;;
run) exec ip netns exec "$(hub)" "$@" ;;
off) off "$1" ;;
on) start_host "$1" ;;
cut) ip -n "$(hub)" link set "v$1" down ;;
mend) ip -n "$(hub)" link set "v$1" up ;;
block) ip -n "$(node "$1")" rule add ipproto tcp dport "$2" prohibit ;;
pids)
    for pid in $(ip netns pids "$(node "$1")"); do
        name=$(cat "/proc/$pid/comm" 2>/dev/null || true)
        case $name in sshd | unshare | '') ;; *) printf '%s %s\n' "$pid" "$name" ;; esac
    done
    ;;
down) down ;;
*) printf 'ssh-hosts: unknown action %s\n' "$action" >&2; exit 64 ;;
esac
