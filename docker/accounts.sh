#!/bin/sh
# Accounts of the services of docker-compose.yaml, made at their first start; after an upgrade the tables that came with
# it, and the rights on them. Each service reads its own file, with a password that nobody chose or saw.
set -eu

ACCOUNTS=${ACCOUNTS:-/accounts}

for name in worker jupyter dashboard; do
    if [ ! -f "$ACCOUNTS/$name.json" ]; then
        workflow-miniscope db roles --add "$name" --role operator --write "$ACCOUNTS/$name.json"
    fi
done
workflow-miniscope db roles --update
