#!/usr/bin/env bash
# What every script of Troupe shares: finding the installation, a JDK, the build, and running a class.
#
#   troupe-run-class.sh CLASS [ARGUMENT...]   runs a main class: io.troupe.* on the broker's class path,
#                                             anything else (Kafka's tools) on the tools' own
#   troupe-run-class.sh --tool NAME [...]     what the tool scripts call; translates retired options first
#   troupe-run-class.sh --build               builds when there is no build yet, and prepares the class archive
#
# Environment: JAVA_HOME, KAFKA_HEAP_OPTS, KAFKA_OPTS, TROUPE_TOOLS_LOG_LEVEL; the broker's: see troupe-server-start.sh.
# Runs on bash 3.2 (macOS) and newer.
set -u

troupe_self=${BASH_SOURCE[0]}
while [ -L "$troupe_self" ]; do
  troupe_link=$(readlink "$troupe_self")
  case $troupe_link in /*) troupe_self=$troupe_link ;; *) troupe_self=$(dirname -- "$troupe_self")/$troupe_link ;; esac
done
TROUPE_HOME=$(cd -P -- "$(dirname -- "$troupe_self")/.." && pwd) || exit 1
TARGET=$TROUPE_HOME/target
JDK_HINT="Install JDK 17 or 21 (Debian, Ubuntu: apt-get install openjdk-17-jdk; Fedora: dnf install java-17-openjdk-devel; macOS: brew install openjdk@17) or set JAVA_HOME to one."
MAVEN_HINT="Install Maven 3.8 or newer (Debian, Ubuntu: apt-get install maven; Fedora: dnf install maven; macOS: brew install maven)."

die() { printf 'troupe: %s\n' "$*" >&2; exit 1; }
say() { printf 'troupe: %s\n' "$*" >&2; }

# Prints "pid command line" of every process; ps is missing in some small containers, /proc on macOS.
processes() {
  if command -v ps >/dev/null 2>&1; then
    ps -A -ww -o pid= -o args=
  else
    local directory
    for directory in /proc/[0-9]*; do
      printf '%s ' "${directory#/proc/}"
      tr '\0\n' '  ' <"$directory/cmdline" 2>/dev/null
      echo
    done
  fi
}

# Sets JAVA, JAVA_VERSION and JVM_FLAGS (what Troupe's own classes need of that JVM). Reads the JDK's release file, because starting a JVM only to ask for its version costs
# a tenth of a second of every command.
find_java() {
  local home real link line
  if [ -n "${JAVA_HOME:-}" ]; then
    [ -x "$JAVA_HOME/bin/java" ] || die "JAVA_HOME is $JAVA_HOME, but there is no bin/java in it. $JDK_HINT"
    JAVA=$JAVA_HOME/bin/java
    home=$JAVA_HOME
  else
    JAVA=$(command -v java) || die "no java on the PATH and JAVA_HOME is not set. $JDK_HINT"
    real=$JAVA
    while [ -L "$real" ]; do
      link=$(readlink "$real")
      case $link in /*) real=$link ;; *) real=$(dirname -- "$real")/$link ;; esac
    done
    home=${real%/bin/java}
  fi
  JAVA_VERSION=
  if [ -r "$home/release" ]; then
    while IFS= read -r line; do
      case $line in JAVA_VERSION=*) JAVA_VERSION=${line#JAVA_VERSION=}; JAVA_VERSION=${JAVA_VERSION//[\"$'\r']/} ;; esac
    done <"$home/release"
  fi
  if [ -z "$JAVA_VERSION" ]; then
    # macOS has a /usr/bin/java that is only a stub, and some distributions ship no release file.
    line=$("$JAVA" -version 2>&1 | grep -i 'version "' | head -n 1)
    JAVA_VERSION=${line#*\"}
    JAVA_VERSION=${JAVA_VERSION%%\"*}
    [ -n "$JAVA_VERSION" ] || die "$JAVA does not tell its version; it is no working JDK. $JDK_HINT"
  fi
  local major=${JAVA_VERSION%%[.+-]*}
  [ "$major" = 1 ] && { major=${JAVA_VERSION#1.}; major=${major%%.*}; }
  case $major in
    '' | *[!0-9]*) die "$JAVA says its version is '$JAVA_VERSION', which is not understood. $JDK_HINT" ;;
  esac
  [ "$major" -ge 17 ] || die "$JAVA is Java $JAVA_VERSION; Troupe needs 17 or newer. $JDK_HINT"
  JVM_FLAGS="--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED"
  # The codecs and LevelDB load native code, Pekko and Agrona read memory through Unsafe. From 24 on the JVM warns of
  # what nobody has allowed; before 23 it does not know the second flag.
  JVM_FLAGS="$JVM_FLAGS --enable-native-access=ALL-UNNAMED"
  [ "$major" -lt 24 ] || JVM_FLAGS="$JVM_FLAGS --sun-misc-unsafe-memory-access=allow"
  # While gzip's native code reads an array nothing can be collected. Before 22 an allocation that met that twice ended the JVM as out of memory, with
  # most of the heap garbage, when several threads unpacked large records.
  [ "$major" -ge 22 ] || JVM_FLAGS="$JVM_FLAGS -XX:+UnlockDiagnosticVMOptions -XX:GCLockerRetryAllocationCount=100"
}

# Ends the script unless Maven >= 3.8 and a compiler are there: only a build needs them.
require_build_tools() {
  local javac version major minor
  if [ -n "${JAVA_HOME:-}" ]; then javac=$JAVA_HOME/bin/javac; else javac=$(command -v javac || true); fi
  { [ -n "$javac" ] && [ -x "$javac" ]; } \
    || die "found a Java runtime ($JAVA) but no javac beside it; building needs a whole JDK. $JDK_HINT"
  command -v mvn >/dev/null 2>&1 || die "no mvn on the PATH; there is no build yet, and making one needs Maven. $MAVEN_HINT"
  # Maven colours its version line on a terminal; the line is looked for, not expected first.
  version=$(mvn -v 2>/dev/null | sed -n 's/.*Apache Maven \([0-9][0-9A-Za-z.-]*\).*/\1/p' | head -n 1)
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%[!0-9]*}
  case $major$minor in
    '' | *[!0-9]*) die "$(command -v mvn) does not tell its version; it is no working Maven. $MAVEN_HINT" ;;
  esac
  { [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 8 ]; }; } \
    || die "$(command -v mvn) is Maven $version; Troupe needs 3.8 or newer. $MAVEN_HINT"
}

# The build writes target/NOTICE last, so its presence says that nothing is half done.
is_built() { [ -f "$TARGET/NOTICE" ] && [ -f "$TARGET/troupe.jar" ]; }

# with_build_lock WHAT COMMAND...: runs a command while holding the build lock; whoever has to wait for it is told WHAT is done
# meanwhile. flock's lock ends with its holder; without flock a directory is the lock, and one whose holder is dead is taken over.
with_build_lock() {
  local what=$1
  shift
  mkdir -p "$TARGET" 2>/dev/null || die "cannot write $TARGET, where the build goes"
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$TARGET/.build.lock" || die "cannot write $TARGET, where the build goes"
    flock -n 9 || { say "another start is $what; waiting for it"; flock 9; }
    "$@"
    local code=$?
    exec 9>&-
    return $code
  fi
  local lock=$TARGET/.build.lock.d waited=0 holder
  until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      # rename is atomic: of several that find the lock stale only one takes it away
      mv "$lock" "$lock.stale.$$" 2>/dev/null && rm -rf "$lock.stale.$$"
      continue
    fi
    [ $waited -eq 0 ] && say "another start is $what; waiting for it"
    waited=1
    sleep 1
  done
  echo $$ >"$lock/pid"
  "$@"
  local code=$?
  rm -rf "$lock"
  return $code
}

build_locked() {
  is_built && return 0
  say "there is no build yet; building with Maven (the first time it fetches libraries, which takes a minute or two)"
  (cd "$TROUPE_HOME" && mvn -B -Dmaven.test.skip=true package 9>&-) >&2 || return 1
  is_built
}

ensure_built() {
  is_built && return 0
  [ -f "$TROUPE_HOME/pom.xml" ] || die "$TROUPE_HOME holds neither a build nor a pom.xml to make one from"
  require_build_tools
  with_build_lock "building Troupe" build_locked \
    || die "the build failed; Maven's messages above say why. By hand: cd '$TROUPE_HOME' && mvn -Dmaven.test.skip=true package"
}

# After new sources came (git pull) the old build goes on working; that is said, and building left to whoever runs it: a
# broker may be running from it.
tell_of_newer_sources() {
  local newer
  newer=$(find "$TROUPE_HOME/src/main" "$TROUPE_HOME/pom.xml" -type f -newer "$TARGET/troupe.jar" 2>/dev/null | head -n 1)
  [ -z "$newer" ] || say "the build is older than ${newer#"$TROUPE_HOME/"}; to build anew: stop the brokers, cd '$TROUPE_HOME' && mvn -Dmaven.test.skip=true package"
}

# ---- A class archive (AppCDS), so that a broker starts in half the time ------------------------------------------

# JDKs differ in the archives they can read, hence the version in the name.
archive_file() { printf '%s/troupe-%s.jsa' "$TARGET" "$JAVA_VERSION"; }

archive_locked() {
  local archive=$1 waited=0 pid
  { [ "$archive" -nt "$TARGET/troupe.jar" ] || [ "$archive.none" -nt "$TARGET/troupe.jar" ]; } && return 0
  say "preparing a class archive, once, so that later starts are quick"
  # Too short a run for the second compiler.
  # shellcheck disable=SC2086
  "$JAVA" -Xmx256m -XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit="$archive.$$" -Xlog:cds=off -Xlog:cds+dynamic=off $JVM_FLAGS \
    -cp "$TARGET/troupe.jar" io.troupe.server.Main --train >"$archive.log" 2>&1 </dev/null 9>&- &
  pid=$!
  while kill -0 $pid 2>/dev/null && [ $waited -lt 300 ]; do
    sleep 0.2
    waited=$((waited + 1))
  done
  kill -KILL $pid 2>/dev/null
  if wait $pid 2>/dev/null && [ -s "$archive.$$" ]; then
    mv -f "$archive.$$" "$archive" && rm -f "$archive.log" "$archive.none"
  else
    rm -f "$archive.$$"
    : >"$archive.none" # the log beside it says why; tried again after the next build
  fi
  return 0
}

# Makes the archive when it is missing or older than the build. Never fails: a start without one is only slower.
ensure_archive() {
  local archive
  archive=$(archive_file)
  [ "$archive" -nt "$TARGET/troupe.jar" ] && return 0
  [ "$archive.none" -nt "$TARGET/troupe.jar" ] && return 0
  [ -w "$TARGET" ] || return 0
  with_build_lock "preparing the class archive" archive_locked "$archive"
}

# ---- Running ---------------------------------------------------------------------------------------------------

# Runs a main class in place of this shell. HEAP and JIT are what the tool asks for unless the environment says otherwise.
run_class() {
  local class=$1
  shift
  local heap=${KAFKA_HEAP_OPTS:-${HEAP:--Xmx256M}}
  # shellcheck disable=SC2086
  case $class in
    io.troupe.*)
      exec "$JAVA" $heap ${JIT:-} $JVM_FLAGS -Dlogback.configurationFile=logback-tools.xml ${KAFKA_OPTS:-} \
        -cp "$TARGET/troupe.jar" "$class" "$@"
      ;;
    *)
      exec "$JAVA" $heap ${JIT:-} -Dorg.slf4j.simpleLogger.defaultLogLevel="${TROUPE_TOOLS_LOG_LEVEL:-warn}" \
        -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat="[yyyy-MM-dd HH:mm:ss,SSS]" \
        -Dorg.slf4j.simpleLogger.showThreadName=false -Dorg.slf4j.simpleLogger.levelInBrackets=true \
        ${KAFKA_OPTS:-} -cp "$TARGET/tools-lib/*" "$class" "$@"
      ;;
  esac
}

# Sets CLASS, HEAP and JIT for a tool. Short commands stay with the quick compiler and the small collector; those that
# move data get the whole machine.
select_tool() {
  local tools=org.apache.kafka.tools
  HEAP=-Xmx256M
  JIT="-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
  case $1 in
    topics) CLASS=$tools.TopicCommand ;;
    console-producer) CLASS=$tools.ConsoleProducer HEAP=-Xmx512M JIT= ;;
    console-consumer) CLASS=$tools.consumer.ConsoleConsumer HEAP=-Xmx512M JIT= ;;
    consumer-groups)
      CLASS=$tools.consumer.group.ConsumerGroupCommand
      for option in "$@"; do
        case $option in
          --events | --lag-seconds) CLASS=io.troupe.tools.GroupCommand ;;
          --help) say "--describe also takes --events or --lag-seconds: add one of them to --help to read more" ;;
        esac
      done
      ;;
    configs) CLASS=io.troupe.tools.ConfigCommand ;;
    producer-perf-test) CLASS=$tools.ProducerPerformance HEAP=-Xmx512M JIT= ;;
    consumer-perf-test) CLASS=$tools.ConsumerPerformance HEAP=-Xmx512M JIT= ;;
    dump-log) CLASS=$tools.DumpLogSegments HEAP=-Xmx512M ;;
    get-offsets) CLASS=$tools.GetOffsetShell ;;
    delete-records) CLASS=$tools.DeleteRecordsCommand ;;
    log-dirs) CLASS=$tools.LogDirsCommand ;;
    broker-api-versions) CLASS=$tools.BrokerApiVersionsCommand ;;
    e2e-latency) CLASS=$tools.EndToEndLatency JIT= ;;
    reassign-partitions) CLASS=$tools.reassign.ReassignPartitionsCommand ;;
    leader-election) CLASS=$tools.LeaderElectionCommand ;;
    cluster)
      case ${2:-} in
        cluster-id | list-endpoints | unregister) CLASS=$tools.ClusterTool ;;
        *) CLASS=io.troupe.tools.ClusterCommand ;;
      esac
      ;;
    metadata-quorum) CLASS=$tools.MetadataQuorumCommand ;;
    *) die "there is no tool '$1'" ;;
  esac
}

# Prints the tool that a class of Kafka's old Scala tools has become; nothing for any other class.
retired_class_tool() {
  case $1 in
    kafka.admin.TopicCommand) echo topics ;;
    kafka.admin.ConfigCommand) echo configs ;;
    kafka.admin.ConsumerGroupCommand) echo consumer-groups ;;
    kafka.admin.DeleteRecordsCommand) echo delete-records ;;
    kafka.admin.LogDirsCommand) echo log-dirs ;;
    kafka.admin.ReassignPartitionsCommand) echo reassign-partitions ;;
    kafka.admin.LeaderElectionCommand) echo leader-election ;;
    kafka.admin.BrokerApiVersionsCommand) echo broker-api-versions ;;
    kafka.tools.ConsoleProducer) echo console-producer ;;
    kafka.tools.ConsoleConsumer) echo console-consumer ;;
    kafka.tools.ConsumerPerformance) echo consumer-perf-test ;;
    kafka.tools.DumpLogSegments) echo dump-log ;;
    kafka.tools.EndToEndLatency) echo e2e-latency ;;
    kafka.tools.GetOffsetShell) echo get-offsets ;;
  esac
}

# Answers an option that named ZooKeeper with the command to write instead, and ends with 1.
refuse_zookeeper() {
  local script=$1 connect=$2 host argument skip="" server=""
  shift 2
  host=${connect%%,*}
  host=${host%%/*}
  host=${host%:*}
  for argument in "$@"; do
    case $argument in --bootstrap-server | --bootstrap-server=* | --broker-list | --broker-list=*) server=given ;; esac
  done
  local -a better
  better=("$script")
  for argument in "$@"; do
    if [ -n "$skip" ]; then
      skip=
      continue
    fi
    case $argument in
      --zookeeper) skip=1 ;;
      --zookeeper=*) ;;
      --new-consumer) continue ;;
      --broker-list) better+=(--bootstrap-server); continue ;;
      --whitelist) better+=(--include); continue ;;
      *) better+=("$(printf '%q' "$argument")"); continue ;;
    esac
    if [ -z "$server" ]; then
      better+=(--bootstrap-server "${host:-localhost}:9092")
      server=given
    fi
  done
  {
    echo "Troupe has no ZooKeeper; use --bootstrap-server with a broker's host and port. Instead of this, write:"
    echo "  ${better[*]}"
  } >&2
  exit 1
}

# Fills ARGS with the arguments, options that Kafka has retired put into today's words.
translate_arguments() {
  local tool=$1 script=$2 option value drop
  shift 2
  local -a all
  all=("$@")
  ARGS=()
  while [ $# -gt 0 ]; do
    # Both spellings, "--option value" and "--option=value", are Kafka's.
    option=${1%%=*}
    value=
    drop=
    case $1 in --*=*) value=${1#*=} ;; esac
    case $tool:$option in
      *:--zookeeper)
        [ "$1" = "$option" ] && value=${2:-}
        refuse_zookeeper "$script" "$value" ${all[@]+"${all[@]}"}
        ;;
      reassign-partitions:--broker-list) ARGS+=("$1") ;; # there it lists broker ids
      *:--broker-list) ARGS+=("--bootstrap-server${1#--broker-list}") ;;
      console-consumer:--whitelist) ARGS+=("--include${1#--whitelist}") ;;
      console-consumer:--new-consumer | consumer-groups:--new-consumer | consumer-perf-test:--new-consumer) ;;
      console-producer:--new-producer | topics:--force | topics:--disable-rack-aware) ;;
      consumer-perf-test:--threads | consumer-perf-test:--num-fetch-threads) drop=1 ;;
      get-offsets:--offsets | get-offsets:--max-wait-ms) drop=1 ;;
      dump-log:--cluster-metadata-decoder)
        die "Troupe's metadata is not in Kafka's format; print its log without $option" ;;
      console-consumer:--formatter)
        if [ "$1" = "$option" ]; then
          ARGS+=("$1")
          [ $# -gt 1 ] && { shift; ARGS+=("$(formatter_class "$1")"); }
        else
          ARGS+=("--formatter=$(formatter_class "$value")")
        fi
        ;;
      *) ARGS+=("$1") ;;
    esac
    if [ -n "$drop" ]; then
      say "$option is no longer an option of Kafka's tool and is left out"
      [ "$1" = "$option" ] && [ $# -gt 1 ] && shift
    fi
    shift
  done
}

# Formatters moved when Kafka's tools left its Scala code.
# shellcheck disable=SC2016
formatter_class() {
  local package=org.apache.kafka.tools.consumer
  case $1 in
    kafka.tools.DefaultMessageFormatter | kafka.tools.LoggingMessageFormatter | kafka.tools.NoOpMessageFormatter)
      printf '%s.%s' $package "${1##*.}" ;;
    'kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter') printf '%s.OffsetsMessageFormatter' $package ;;
    'kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter')
      printf '%s.GroupMetadataMessageFormatter' $package ;;
    'kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter')
      printf '%s.TransactionLogMessageFormatter' $package ;;
    *) printf '%s' "$1" ;;
  esac
}

# Sourced by the server's scripts, which want only the functions.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

retired=$(retired_class_tool "${1:-}")
if [ -n "$retired" ]; then
  class=$1
  shift
  set -- --tool "$retired" "$0 $class" "$@"
fi

case ${1:-} in
  '' | -h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$troupe_self"
    [ -n "${1:-}" ]
    exit
    ;;
  --build)
    find_java
    ensure_built
    ensure_archive
    ;;
  --tool)
    [ $# -ge 3 ] || die "usage: troupe-run-class.sh --tool NAME SCRIPT [ARGUMENT...]"
    tool=$2
    script=$3
    shift 3
    select_tool "$tool" "$@"
    translate_arguments "$tool" "$script" "$@"
    find_java
    ensure_built
    run_class "$CLASS" ${ARGS[@]+"${ARGS[@]}"}
    ;;
  *)
    find_java
    ensure_built
    run_class "$@"
    ;;
esac
