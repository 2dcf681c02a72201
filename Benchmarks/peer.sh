#!/usr/bin/env bash
# What a host without the agent would do with stock tools: wait for a change with a monitor, put it back with
# ovs-vsctl. Arguments: the database, then NAME=PEER of every patch port to keep.
set -euo pipefail
db=$1
shift
declare -A wanted names
for port in "$@"; do wanted[${port%%=*}]=${port#*=}; done

ovsdb-client --format=csv --no-headings monitor-cond "$db" Open_vSwitch '[true]' Interface name,options |
    while IFS=, read -r uuid _ name options; do
        [ -n "$uuid" ] || continue             # an empty line ends each update
        [ -z "$name" ] || names[$uuid]=$name   # a modified row shows only what changed
        [[ $options =~ peer=([^,}\"]+) ]] || continue
        name=${names[$uuid]:-}
        peer=${wanted[$name]:-}
        if [ -n "$peer" ] && [ "${BASH_REMATCH[1]}" != "$peer" ]; then
            ovs-vsctl --db="$db" --no-wait set Interface "$name" "options:peer=$peer"
        fi
    done
