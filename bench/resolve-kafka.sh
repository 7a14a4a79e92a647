#!/usr/bin/env bash
# Resolves Apache Kafka (broker and tools) from Maven artifacts into <dir>/lib, once.
# Usage: bench/resolve-kafka.sh [dir]     (default: target/kafka of this checkout)
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
dir=${1:-$here/../target/kafka}

if compgen -G "$dir/lib/kafka_2.13-*.jar" >/dev/null && [[ -e $dir/lib/.complete ]]; then
  exit 0
fi
command -v mvn >/dev/null || { echo "resolve-kafka: mvn is not on the PATH; Maven 3.8 or newer is needed" >&2; exit 1; }

mkdir -p "$dir"
staging=$(mktemp -d "$dir/resolving.XXXXXX")
trap 'rm -rf "$staging"' EXIT
mvn -B -q -o -f "$here/kafka-pom.xml" dependency:copy-dependencies -DoutputDirectory="$staging/lib" >/dev/null 2>&1 ||
  mvn -B -q -f "$here/kafka-pom.xml" dependency:copy-dependencies -DoutputDirectory="$staging/lib"
touch "$staging/lib/.complete"
# Two that resolve at once both end with a whole directory: the later one finds the name taken and leaves it.
mv -T "$staging/lib" "$dir/lib" 2>/dev/null || [[ -e $dir/lib/.complete ]]
