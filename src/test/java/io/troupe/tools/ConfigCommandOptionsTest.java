package io.troupe.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command line of {@code troupe-configs.sh} means what it means to Kafka's script. */
class ConfigCommandOptionsTest {

    @Test
    void bracketsHoldValuesWithCommas() {
        ConfigCommandOptions options = parse(
                "--alter --entity-type topics --entity-name t --add-config a=1,cleanup.policy=[compact,delete],b=x=y,c= "
                        + "--delete-config d,e");
        assertEquals(Map.of("a", "1", "cleanup.policy", "compact,delete", "b", "x=y", "c", ""), options.set());
        assertEquals(Set.of("d", "e"), options.delete());
    }

    @Test
    void theShortFormIsTheLongForm() {
        assertEquals(parse("--describe --entity-type topics --entity-name t"), parse("--describe --topic=t"));
        assertEquals(parse("--describe --entity-type brokers --entity-default"), parse("--describe --broker-defaults"));
    }

    @Test
    void withoutANameAllAreDescribed() {
        ConfigCommandOptions options = parse("--describe --all --entity-type brokers");
        assertEquals(ConfigResource.Type.BROKER, options.type());
        assertEquals(Optional.empty(), options.entity());
        assertTrue(options.all());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--describe --alter --topic t | exactly one action",
                "--topic t | exactly one action",
                "--describe | At least one entity type",
                "--describe --entity-type foo | Invalid entity type foo",
                "--describe --entity-type users | does not keep settings of users",
                "--alter --entity-type topics --add-config a=b | entity name must be specified",
                "--alter --topic t | At least one of --add-config",
                "--alter --topic t --add-config bad | Invalid entity config 'bad'",
                "--alter --topic t --add-config a=[b,c | Invalid entity config",
                "--alter --topic t --add-config a=b --delete-config a | both added and deleted",
                "--describe --topic t --add-config a=b | go with --alter",
                "--describe --topic t --broker 1 | One entity at a time",
                "--describe --broker one | must be a broker's id",
                "--describe --topic t --bogus | --bogus is not a recognized option",
                "--describe --topic | --topic needs a value"
            })
    void aWrongCommandIsNamed(String arguments, String message) {
        UsageException e = assertThrows(UsageException.class, () -> parse(arguments));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    @Test
    void theServerIsRequired() {
        assertThrows(UsageException.class, () -> ConfigCommandOptions.parse(List.of("--describe", "--topic", "t")));
    }

    private static ConfigCommandOptions parse(String arguments) {
        return ConfigCommandOptions.parse(List.of(("--bootstrap-server=h:1 " + arguments).split(" ")));
    }
}
