package io.troupe.api;

import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData.AlterConfigsResource;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData.AlterableConfig;

/** What an IncrementalAlterConfigs request asks for. */
final class ConfigChanges {
    private ConfigChanges() {}

    /**
     * One change of one resource.
     *
     * @param type Kafka's code: 2 a topic, 4 a broker, 32 a group
     * @param op Kafka's code: 0 set, 1 delete, 2 append
     */
    static AlterConfigsResource change(int type, String name, String key, int op, String value) {
        AlterConfigsResource resource =
                new AlterConfigsResource().setResourceType((byte) type).setResourceName(name);
        resource.configs()
                .add(new AlterableConfig()
                        .setName(key)
                        .setConfigOperation((byte) op)
                        .setValue(value));
        return resource;
    }
}
