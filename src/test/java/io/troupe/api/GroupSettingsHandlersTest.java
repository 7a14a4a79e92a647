package io.troupe.api;

import static io.troupe.api.ConfigChanges.change;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.troupe.config.BrokerConfig;
import io.troupe.config.ServerProperties;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.MetadataEvent;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResourceResult;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData;
import org.apache.kafka.common.message.ListConfigResourcesRequestData;
import org.apache.kafka.common.message.ListConfigResourcesResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** Settings of groups (KIP-848) by Kafka's APIs, and the list of what has settings (KIP-1142). */
class GroupSettingsHandlersTest {
    private static final byte GROUP = 32;

    private final BrokerConfig config = ServerProperties.parse(
                    Map.of("node.id", "1", "listeners", "PLAINTEXT://localhost:9092"))
            .config();
    private final FakeController controller = new FakeController();

    private void set(String group, String key, String value) {
        controller.publish(new MetadataEvent.GroupConfigsChanged(group, Map.of(key, value)));
    }

    private DescribeConfigsResponseData.DescribeConfigsResult describe(String group) {
        FakeContext request = new FakeContext(ApiKeys.DESCRIBE_CONFIGS, 4);
        new DescribeConfigsHandler(config, controller.metadata)
                .handle(
                        request,
                        new DescribeConfigsRequestData()
                                .setIncludeSynonyms(true)
                                .setResources(List.of(new DescribeConfigsResource()
                                        .setResourceType(GROUP)
                                        .setResourceName(group)
                                        .setConfigurationKeys(null))));
        return request.<DescribeConfigsResponseData>answer().results().get(0);
    }

    /** Kafka's codes: 8 is a group's own setting, 5 a default. */
    @Test
    void aGroupsSettingsAreDescribedWhetherItHasAnyOrNot() {
        set("g", "consumer.session.timeout.ms", "50000");
        DescribeConfigsResourceResult own = describe("g").configs().get(3);
        assertEquals("consumer.session.timeout.ms", own.name());
        assertEquals("50000", own.value());
        assertEquals(8, own.configSource());
        assertEquals(2, own.synonyms().size());
        DescribeConfigsResourceResult other = describe("other").configs().get(3);
        assertEquals("45000", other.value());
        assertEquals(5, other.configSource());
        assertEquals(Errors.INVALID_REQUEST.code(), describe("").errorCode());
    }

    @Test
    void changesOfGroupsGoToTheControllerUnlessTheyAreBadByThemselves() {
        IncrementalAlterConfigsRequestData data = new IncrementalAlterConfigsRequestData();
        data.resources().add(change(GROUP, "good", "consumer.session.timeout.ms", 0, "50000"));
        data.resources().add(change(GROUP, "gone", "consumer.session.timeout.ms", 1, null));
        data.resources().add(change(GROUP, "share", "share.session.timeout.ms", 0, "50000"));
        data.resources().add(change(GROUP, "list", "consumer.session.timeout.ms", 2, "50000"));
        FakeContext request = new FakeContext(ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1);
        new IncrementalAlterConfigsHandler(controller).handle(request, data);
        var asked = assertInstanceOf(
                ControllerCommand.AlterGroupConfigs.class,
                controller.asked.get(0).command());
        assertEquals(Set.of("good", "gone"), asked.changes().keySet());
        controller
                .asked
                .get(0)
                .reply()
                .complete(new ControllerReply.Resources(List.of(
                        new ControllerReply.ResourceResult("good", Optional.empty()),
                        new ControllerReply.ResourceResult("gone", Optional.empty()))));
        assertEquals(
                List.of(
                        Errors.NONE.code(),
                        Errors.NONE.code(),
                        Errors.INVALID_CONFIG.code(),
                        Errors.INVALID_CONFIG.code()),
                request.<IncrementalAlterConfigsResponseData>answer().responses().stream()
                        .map(r -> r.errorCode())
                        .toList());
    }

    @Test
    void theOlderRequestStatesTheWholeSet() {
        AlterConfigsRequestData data = new AlterConfigsRequestData();
        AlterConfigsRequestData.AlterConfigsResource resource = new AlterConfigsRequestData.AlterConfigsResource()
                .setResourceType(GROUP)
                .setResourceName("g");
        resource.configs()
                .add(new AlterConfigsRequestData.AlterableConfig()
                        .setName("consumer.heartbeat.interval.ms")
                        .setValue("6000"));
        data.resources().add(resource);
        new AlterConfigsHandler(controller).handle(new FakeContext(ApiKeys.ALTER_CONFIGS, 2), data);
        assertEquals(
                true,
                assertInstanceOf(
                                ControllerCommand.AlterGroupConfigs.class,
                                controller.asked.get(0).command())
                        .replaceAll());
    }

    private ListConfigResourcesResponseData list(int version, int... types) {
        ListConfigResourcesRequestData data = new ListConfigResourcesRequestData();
        for (int type : types) {
            data.resourceTypes().add((byte) type);
        }
        FakeContext request = new FakeContext(ApiKeys.LIST_CONFIG_RESOURCES, version);
        new ListConfigResourcesHandler(controller.metadata).handle(request, data);
        return request.answer();
    }

    private static Set<String> names(ListConfigResourcesResponseData answer) {
        Set<String> names = new TreeSet<>();
        answer.configResources().forEach(r -> names.add(r.resourceType() + " " + r.resourceName()));
        return names;
    }

    @Test // KIP-1142
    void whatHasSettingsIsListedByType() {
        controller.create("t", 1, Map.of(), 1);
        set("g", "consumer.session.timeout.ms", "50000");
        assertEquals(Set.of("32 g"), names(list(1, GROUP)));
        assertEquals(Set.of("2 t", "32 g"), names(list(1, 2, GROUP)));
        assertEquals(Set.of("2 t", "32 g", "4 1"), names(list(1)));
        assertEquals(Set.of(), names(list(1, 8, 16)));
        assertEquals(Errors.UNSUPPORTED_VERSION.code(), list(1, GROUP, 3).errorCode());
        assertEquals(Set.of(), names(list(0)), "v0 asks for client metrics (KIP-714)");
    }
}
