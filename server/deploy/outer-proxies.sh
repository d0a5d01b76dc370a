#!/bin/sh
# Runs before nginx starts, in the container of nginx. Writes the proxies that OUTER_PROXIES names into a file that nginx.conf
# includes: addresses and networks, separated by commas, and `host` for the machine that runs the containers.
set -eu

file=${1:-/tmp/outer-proxies.conf}
: >"$file"

refuse() {
  echo "OUTER_PROXIES is invalid: it must be addresses, networks (10.0.0.0/8) or host, separated by commas" >&2
  exit 1
}

# The default gateway of the container's network, in hexadecimal and backwards.
address_of_host() {
  while read -r _ destination gateway _; do
    [ "$destination" = 00000000 ] || continue
    rest=${gateway#??}
    printf '%d.%d.%d.%d\n' "0x${gateway#??????}" "0x$(expr "$gateway" : '....\(..\)')" "0x${rest%????}" "0x${gateway%??????}"
    return
  done </proc/net/route
}

for proxy in $(echo "${OUTER_PROXIES:-}" | tr ',' ' '); do
  case $proxy in
    host) proxy=$(address_of_host) ;;
    *[!0-9a-fA-F.:/]* | [!0-9a-fA-F:]*) refuse ;;
    *[.:]*) ;;
    *) refuse ;;
  esac
  if [ -n "$proxy" ]; then echo "set_real_ip_from $proxy;" >>"$file"; fi
done
