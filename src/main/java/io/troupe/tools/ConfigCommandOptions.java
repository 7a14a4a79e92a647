package io.troupe.tools;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.config.ConfigResource;

/**
 * The arguments of {@code troupe-configs.sh}, whose flags are those of Kafka's {@code kafka-configs.sh}; immutable.
 *
 * @param action what is asked for
 * @param bootstrapServer {@code --bootstrap-server}
 * @param commandConfig {@code --command-config}: a properties file for the client
 * @param type what is described or altered
 * @param entity its name; {@link Optional#empty()} for all of them; "" for the brokers' defaults
 * @param set settings to add, in the order given
 * @param addConfigFile {@code --add-config-file}: a properties file with settings to add
 * @param delete settings to remove
 * @param all {@code --all}: describe also what was never set
 */
record ConfigCommandOptions(
        Action action,
        String bootstrapServer,
        Optional<String> commandConfig,
        ConfigResource.Type type,
        Optional<String> entity,
        Map<String, String> set,
        Optional<String> addConfigFile,
        Set<String> delete,
        boolean all) {

    enum Action {
        HELP,
        VERSION,
        DESCRIBE,
        ALTER
    }

    private static final Map<String, ConfigResource.Type> TYPES = Map.of(
            "topics", ConfigResource.Type.TOPIC,
            "brokers", ConfigResource.Type.BROKER,
            "broker-loggers", ConfigResource.Type.BROKER_LOGGER,
            "groups", ConfigResource.Type.GROUP,
            "client-metrics", ConfigResource.Type.CLIENT_METRICS);

    private static final Set<String> WITHOUT_VALUE = Set.of(
            "--describe",
            "--alter",
            "--all",
            "--force",
            "--help",
            "--version",
            "--entity-default",
            "--broker-defaults",
            "--user-defaults",
            "--client-defaults",
            "--ip-defaults");

    private static final Set<String> WITH_VALUE = Set.of(
            "--bootstrap-server",
            "--bootstrap-controller",
            "--command-config",
            "--entity-type",
            "--entity-name",
            "--add-config",
            "--add-config-file",
            "--delete-config",
            "--topic",
            "--broker",
            "--broker-logger",
            "--group",
            "--client-metrics",
            "--user",
            "--client",
            "--ip");

    /**
     * Reads the command line; {@code --flag value} and {@code --flag=value} mean the same.
     *
     * @throws UsageException naming what is wrong
     */
    static ConfigCommandOptions parse(List<String> arguments) {
        Map<String, List<String>> given = read(arguments);
        if (given.containsKey("--help") || arguments.isEmpty()) {
            return asking(Action.HELP);
        }
        if (given.containsKey("--version")) {
            return asking(Action.VERSION);
        }
        boolean describe = given.containsKey("--describe");
        if (describe == given.containsKey("--alter")) {
            throw new UsageException("Command must include exactly one action: --describe, --alter");
        }
        if (given.containsKey("--bootstrap-controller")) {
            throw new UsageException("Troupe's controllers are reached through any broker: use --bootstrap-server");
        }
        String server = last(given, "--bootstrap-server")
                .orElseThrow(() -> new UsageException("--bootstrap-server host:port must be specified"));
        Target target = target(given);
        Map<String, String> set = new LinkedHashMap<>();
        given.getOrDefault("--add-config", List.of()).forEach(list -> addSettings(list, set));
        Set<String> delete = new LinkedHashSet<>();
        given.getOrDefault("--delete-config", List.of()).forEach(list -> addNames(list, delete));
        Optional<String> file = last(given, "--add-config-file");
        checkChanges(describe, target, set, file, delete);
        return new ConfigCommandOptions(
                describe ? Action.DESCRIBE : Action.ALTER,
                server,
                last(given, "--command-config"),
                target.type,
                target.entity,
                set,
                file,
                delete,
                given.containsKey("--all"));
    }

    private record Target(ConfigResource.Type type, String typeName, Optional<String> entity) {}

    private static ConfigCommandOptions asking(Action action) {
        return new ConfigCommandOptions(
                action,
                "",
                Optional.empty(),
                ConfigResource.Type.UNKNOWN,
                Optional.empty(),
                Map.of(),
                Optional.empty(),
                Set.of(),
                false);
    }

    private static Map<String, List<String>> read(List<String> arguments) {
        Map<String, List<String>> given = new LinkedHashMap<>();
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            int equals = argument.startsWith("--") ? argument.indexOf('=') : -1;
            String flag = equals < 0 ? argument : argument.substring(0, equals);
            List<String> values = given.computeIfAbsent(flag, f -> new ArrayList<>());
            if (WITH_VALUE.contains(flag)) {
                if (equals < 0 && i + 1 == arguments.size()) {
                    throw new UsageException(flag + " needs a value");
                }
                values.add(equals < 0 ? arguments.get(++i) : argument.substring(equals + 1));
            } else if (!WITHOUT_VALUE.contains(flag) || equals >= 0) {
                throw new UsageException(argument + " is not a recognized option");
            }
        }
        return given;
    }

    /** What the long form ({@code --entity-type topics --entity-name x}) or the short one ({@code --topic x}) names. */
    private static Target target(Map<String, List<String>> given) {
        Map<String, String> shorts = Map.of(
                "--topic",
                "topics",
                "--broker",
                "brokers",
                "--broker-logger",
                "broker-loggers",
                "--group",
                "groups",
                "--client-metrics",
                "client-metrics",
                "--broker-defaults",
                "brokers");
        List<Target> targets = new ArrayList<>();
        shorts.forEach((flag, typeName) -> {
            if (given.containsKey(flag)) {
                String name = last(given, flag).orElse("");
                targets.add(new Target(TYPES.get(typeName), typeName, Optional.of(name)));
            }
        });
        for (String unsupported :
                List.of("--user", "--client", "--ip", "--user-defaults", "--client-defaults", "--ip-defaults")) {
            if (given.containsKey(unsupported)) {
                throw notKept(unsupported);
            }
        }
        boolean defaults = given.containsKey("--entity-default");
        for (String typeName : given.getOrDefault("--entity-type", List.of())) {
            if (Set.of("users", "clients", "ips").contains(typeName)) {
                throw notKept(typeName);
            }
            ConfigResource.Type type = TYPES.get(typeName);
            if (type == null) {
                throw new UsageException("Invalid entity type " + typeName
                        + ", the entity type must be one of topics, brokers, broker-loggers, groups, client-metrics");
            }
            if (defaults && type != ConfigResource.Type.BROKER) {
                throw new UsageException("--entity-default is for --entity-type brokers, not for " + typeName);
            }
            Optional<String> name = defaults ? Optional.of("") : last(given, "--entity-name");
            targets.add(new Target(type, typeName, name));
        }
        if (targets.isEmpty()) {
            throw new UsageException("At least one entity type must be specified");
        }
        if (targets.size() > 1) {
            throw new UsageException("One entity at a time: choose either --entity-type or one of its short forms");
        }
        if (defaults && given.containsKey("--entity-name")) {
            throw new UsageException("Choose either --entity-name or --entity-default");
        }
        return checked(targets.get(0));
    }

    private static Target checked(Target target) {
        boolean numbered =
                target.type == ConfigResource.Type.BROKER || target.type == ConfigResource.Type.BROKER_LOGGER;
        target.entity.filter(name -> numbered && !name.isEmpty()).ifPresent(name -> {
            if (!name.matches("\\d{1,10}")) {
                throw new UsageException(
                        "The entity name for " + target.typeName + " must be a broker's id, not " + name);
            }
        });
        return target;
    }

    private static void checkChanges(
            boolean describe, Target target, Map<String, String> set, Optional<String> file, Set<String> delete) {
        boolean changes = !set.isEmpty() || !delete.isEmpty() || file.isPresent();
        if (describe && changes) {
            throw new UsageException("--add-config, --add-config-file and --delete-config go with --alter");
        }
        if (describe) {
            return;
        }
        if (target.entity.isEmpty()) {
            throw new UsageException("An entity name must be specified with --alter of " + target.typeName);
        }
        if (!changes) {
            throw new UsageException(
                    "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter");
        }
        if (!set.isEmpty() && file.isPresent()) {
            throw new UsageException("Choose either --add-config or --add-config-file");
        }
        delete.stream().filter(set::containsKey).findFirst().ifPresent(name -> {
            throw new UsageException("Config " + name + " cannot be both added and deleted");
        });
    }

    private static UsageException notKept(String what) {
        return new UsageException("Troupe does not keep settings of " + what.replace("--", "")
                + "; it keeps those of topics, brokers, broker-loggers, groups, client-metrics");
    }

    private static Optional<String> last(Map<String, List<String>> given, String flag) {
        List<String> values = given.getOrDefault(flag, List.of());
        return values.isEmpty() ? Optional.empty() : Optional.of(values.get(values.size() - 1));
    }

    /** Takes {@code k1=v1,k2=[a,b],k3=v3} apart: commas separate settings except within square brackets. */
    private static void addSettings(String list, Map<String, String> into) {
        int depth = 0;
        int begin = 0;
        for (int i = 0; i <= list.length(); i++) {
            char c = i == list.length() ? ',' : list.charAt(i);
            if (c == '[') {
                depth++;
            } else if (c == ']') {
                depth--;
            } else if (c == ',' && (depth <= 0 || i == list.length())) {
                addSetting(list.substring(begin, i), depth, into);
                begin = i + 1;
            }
        }
    }

    private static void addSetting(String setting, int depth, Map<String, String> into) {
        int equals = setting.indexOf('=');
        if (equals <= 0 || depth != 0) {
            throw new UsageException("Invalid entity config '" + setting
                    + "': configs to be added must be in the format \"key=val\", or \"key=[val1,val2]\" for values"
                    + " which contain commas");
        }
        String value = setting.substring(equals + 1).strip();
        if (value.startsWith("[") && value.endsWith("]")) {
            value = value.substring(1, value.length() - 1);
        }
        into.put(setting.substring(0, equals).strip(), value);
    }

    private static void addNames(String list, Set<String> into) {
        for (String name : list.split(",")) {
            if (!name.isBlank()) {
                into.add(name.strip());
            }
        }
    }
}
