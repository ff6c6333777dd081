#!/bin/sh
# Writes the conf that the load tests of benches/README.md expect: centre.sh FOLDER [PEOPLE]
set -eu
folder=${1:?usage: centre.sh FOLDER [PEOPLE]}
mkdir -p "$folder/conf/prompts" "$folder/recordings" "$folder/journal"
cp "$(dirname "$0")/../conf/prompts/welcome.wav" "$folder/conf/prompts/"
cat > "$folder/conf/switch.toml" <<TOML
listen = ["127.0.0.1:5060"]
listen_tls = ["127.0.0.1:5061"]
listen_wss = ["127.0.0.1:5063"]
digest = ["MD5"]
[media]
ports = "6000-19999"
[recording]
folder = "$folder/recordings"
[journal]
folder = "$folder/journal"
TOML
awk -v people="${2:-1000}" 'BEGIN { for (i = 0; i < people; i++) printf "[u%d]\npassword = \"p%d-secret\"\n", i, i }' > "$folder/conf/people.toml"
cat > "$folder/conf/trunks.toml" <<TOML
[load]
address = "127.0.0.1:5090"
TOML
cat > "$folder/conf/routes.toml" <<TOML
[[route]]
number = "9*"
from = "trunk:load"
to = "trunk:load"
[[route]]
number = "8*"
from = "trunk:load"
to = "trunk:load"
record = true
[[route]]
number = "7*"
from = "trunk:load"
to = "queue:all"
[[route]]
number = "602"
to = "play:long"
TOML
awk -v people="${2:-1000}" 'BEGIN {
    printf "[queue.all]\nrecord = true\ncallers_max = 10000\nring_secs = 60\nagents = ["
    for (i = 0; i < people && i < 10000; i++) printf "\"u%d\", ", i
    print "]"
}' > "$folder/conf/queues.toml"
sox "$folder/conf/prompts/welcome.wav" "$folder/conf/prompts/long.wav" repeat 16
: > "$folder/conf/menus.toml"
