#!/bin/sh
# Becomes redis-server ($1) on a free port, which it prints as other peers do.
port=$(python3 -c '
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
(
  until (echo PING | timeout 1 nc -N 127.0.0.1 "$port") >/dev/null 2>&1; do
    sleep 0.05
  done
  echo "started on $port"
) &
exec "$1" --port "$port" --bind 127.0.0.1 --save "" --appendonly no \
  --loglevel warning >/dev/null
