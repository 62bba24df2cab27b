#!/bin/sh
# Run once by the database's image when it makes a new database: connections are encrypted from then on, with a
# certificate that the server signs itself. To have it checked, put one of your own in its place.
set -eu

if ! command -v openssl >/dev/null; then
    echo "openssl is missing: connections to the database are not encrypted." >&2
    exit 0
fi
umask 077
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=database" \
    -keyout "$PGDATA/server.key" -out "$PGDATA/server.crt" 2>/dev/null
echo "ssl = on" >>"$PGDATA/postgresql.conf"
