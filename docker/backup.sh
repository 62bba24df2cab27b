#!/bin/sh
# Backups of the database, for the service "backup" of docker-compose.yaml.
#
#   backup.sh every SECONDS    a backup now, and again and again
#   backup.sh once             one backup
#   backup.sh restore FILE     put a backup in place of everything that is in the database
#
# PGHOST, PGPORT, PGUSER, PGPASSWORD: the server and its administrator. BACKUPS: the folder. KEEP: how many are kept.
set -eu

BACKUPS=${BACKUPS:-/backups}
KEEP=${KEEP:-14}
DATABASE=${PGDATABASE:-postgres}
umask 077 # they hold everything, and what logins are checked against

clean() {
    rm -f "$BACKUPS"/*.partial
}

once() {
    name=$BACKUPS/$(date -u +%Y%m%d-%H%M%S)
    # the accounts first: a table's rights name them. Joined by && because set -e does not hold within a condition
    pg_dumpall --roles-only --file="$name.roles.sql.partial" &&
        pg_dump --format=custom --file="$name.dump.partial" "$DATABASE" &&
        mv "$name.roles.sql.partial" "$name.roles.sql" &&
        mv "$name.dump.partial" "$name.dump" &&
        echo "Wrote $name.dump" &&
        forget_old
}

forget_old() {
    set -- "$BACKUPS"/[0-9]*.dump # in the order of their dates
    while [ $# -gt "$KEEP" ]; do
        rm -f "$1" "${1%.dump}.roles.sql"
        shift
    done
}

restore() {
    if [ ! -f "$1" ]; then
        echo "$1 does not exist; there are:" >&2
        ls "$BACKUPS" >&2
        exit 1
    fi
    roles=${1%.dump}.roles.sql
    # those that are there already stay as they are
    [ ! -f "$roles" ] || psql --quiet --file="$roles" "$DATABASE" >/dev/null 2>&1 || true
    pg_restore --dbname="$DATABASE" --clean --if-exists --single-transaction --exit-on-error "$1"
    echo "Restored $1"
}

clean
case ${1:-} in
every)
    trap 'clean; kill "${pause:-}" 2>/dev/null || true; exit 0' TERM INT # which the first process of a container ignores otherwise
    while true; do
        once || {
            clean
            echo "This backup failed; the next one is tried in $2 seconds." >&2
        }
        sleep "$2" &
        pause=$!
        wait "$pause" # so that the container stops at once
    done
    ;;
once)
    once || {
        clean
        exit 1
    }
    ;;
restore) restore "${2:?name the file to restore}" ;;
*)
    echo "Say what to do: every SECONDS, once, or restore FILE." >&2
    exit 2
    ;;
esac
