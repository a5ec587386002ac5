#!/bin/sh
# Builds the image, starts it, asks it once and prints its size. Needs a Docker daemon.
set -eu
cd "$(dirname "$0")/.."
docker build --quiet -f packaging/Dockerfile -t secondpass-server .
container=$(docker run --detach --publish 127.0.0.1::8000 --env SECONDPASS_API_KEY=key secondpass-server)
trap 'docker rm --force "$container" >/dev/null' EXIT
url=http://$(docker port "$container" 8000/tcp | head -n 1)
curl --silent --show-error --fail --retry 20 --retry-all-errors --retry-delay 1 \
    -H 'content-type: application/json' -H 'authorization: Bearer key' \
    -d '{"query": "wool", "documents": ["Cows give milk.", "Sheep give wool."]}' "$url/v2/rerank"
echo
test "$(docker exec "$container" id -u)" != 0
docker stop --time 40 "$container" >/dev/null
test "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0
bytes=$(docker image inspect --format '{{.Size}}' secondpass-server)
echo "$((bytes / 1000000)) MB"
test "$bytes" -lt 600000000
