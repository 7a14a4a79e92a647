package io.troupe.api;

import io.troupe.config.BrokerConfig;
import io.troupe.config.BrokerConfigs;
import io.troupe.config.DynamicConfigs;
import io.troupe.config.GroupConfigs;
import io.troupe.config.Secrets;
import io.troupe.config.TopicConfigs;
import io.troupe.metadata.MetadataCache;
import io.troupe.metadata.MetadataImage;
import io.troupe.metadata.TopicImage;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.internals.Topic;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResourceResult;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResult;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsSynonym;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * DescribeConfigs, versions 1 to 4: topics, this broker's own settings, of which a few may be changed (KIP-226), and groups
 * ({@link GroupConfigs}). v3 adds types and documentation (KIP-569). An empty broker name asks for what was set at run time for
 * all brokers.
 *
 * <p>Known gap: broker loggers and client metrics have no configs here.
 */
public final class DescribeConfigsHandler implements ApiHandler<DescribeConfigsRequestData> {
    private final BrokerConfig config;
    private final MetadataCache metadata;

    public DescribeConfigsHandler(BrokerConfig config, MetadataCache metadata) {
        this.config = config;
        this.metadata = metadata;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.DESCRIBE_CONFIGS;
    }

    @Override
    public short minVersion() {
        return 1;
    }

    @Override
    public short maxVersion() {
        return 4;
    }

    @Override
    public void handle(RequestContext context, DescribeConfigsRequestData request) {
        DescribeConfigsResponseData response = new DescribeConfigsResponseData();
        for (DescribeConfigsResource resource : request.resources()) {
            response.results().add(describe(resource, request));
        }
        context.respond(response);
    }

    private DescribeConfigsResult describe(DescribeConfigsResource resource, DescribeConfigsRequestData request) {
        DescribeConfigsResult result = new DescribeConfigsResult()
                .setResourceType(resource.resourceType())
                .setResourceName(resource.resourceName());
        return switch (resource.resourceType()) {
            case ConfigCodes.TOPIC -> describeTopic(result, resource, request);
            case ConfigCodes.BROKER -> describeBroker(result, resource, request);
            case ConfigCodes.GROUP -> describeGroup(result, resource, request);
            default ->
                refuse(
                        result,
                        Errors.INVALID_REQUEST,
                        "Resource type " + resource.resourceType()
                                + " has no configs here, only topics (2), brokers (4) and groups (32).");
        };
    }

    private DescribeConfigsResult describeTopic(
            DescribeConfigsResult result, DescribeConfigsResource resource, DescribeConfigsRequestData request) {
        try {
            Topic.validate(resource.resourceName());
        } catch (InvalidTopicException e) {
            return refuse(result, Errors.INVALID_TOPIC_EXCEPTION, e.getMessage());
        }
        Optional<TopicImage> topic = metadata.current().topic(resource.resourceName());
        if (topic.isEmpty()) {
            return refuse(
                    result, Errors.UNKNOWN_TOPIC_OR_PARTITION, "Topic " + resource.resourceName() + " does not exist.");
        }
        return result.setConfigs(entries(
                TopicConfigs.describe(
                        config,
                        metadata.current().dynamicConfigs(config.nodeId()),
                        topic.get().configs()),
                resource,
                request,
                name -> false));
    }

    private DescribeConfigsResult describeBroker(
            DescribeConfigsResult result, DescribeConfigsResource resource, DescribeConfigsRequestData request) {
        if (resource.resourceName().isEmpty()) {
            Map<String, String> all = metadata.current().brokerConfigs(MetadataImage.ALL_BROKERS);
            return result.setConfigs(entries(
                    BrokerConfigs.describeDefaults(all), resource, request, name -> !DynamicConfigs.isDynamic(name)));
        }
        if (!resource.resourceName().equals(Integer.toString(config.nodeId()))) {
            return refuse(
                    result,
                    Errors.INVALID_REQUEST,
                    "This is broker " + config.nodeId() + "; ask broker " + resource.resourceName()
                            + " itself for its configs.");
        }
        List<TopicConfigs.Entry> own =
                BrokerConfigs.describe(config, metadata.current().dynamicConfigs(config.nodeId()));
        return result.setConfigs(entries(own, resource, request, name -> !DynamicConfigs.isDynamic(name)));
    }

    /** Of any group, known or not: what holds for its members of the consumer protocol. */
    private DescribeConfigsResult describeGroup(
            DescribeConfigsResult result, DescribeConfigsResource resource, DescribeConfigsRequestData request) {
        if (resource.resourceName().isEmpty()) {
            return refuse(result, Errors.INVALID_REQUEST, "There are no settings that all groups have: name a group.");
        }
        return result.setConfigs(entries(
                GroupConfigs.describe(config, metadata.current().groupConfigs(resource.resourceName())),
                resource,
                request,
                name -> false));
    }

    private static List<DescribeConfigsResourceResult> entries(
            List<TopicConfigs.Entry> all,
            DescribeConfigsResource resource,
            DescribeConfigsRequestData request,
            Predicate<String> readOnly) {
        // An empty list of keys asks for all, as null does: old tools send it so.
        List<String> keys = resource.configurationKeys();
        List<DescribeConfigsResourceResult> result = new ArrayList<>();
        for (TopicConfigs.Entry entry : all) {
            if (keys != null && !keys.isEmpty() && !keys.contains(entry.name())) {
                continue;
            }
            DescribeConfigsResourceResult told = new DescribeConfigsResourceResult()
                    .setName(entry.name())
                    .setValue(entry.value())
                    .setReadOnly(readOnly.test(entry.name()))
                    .setConfigSource(ConfigCodes.source(entry.source()))
                    .setIsSensitive(Secrets.isSecret(entry.name()))
                    .setConfigType(ConfigCodes.type(entry.type()))
                    .setDocumentation(request.includeDocumentation() ? entry.documentation() : null);
            if (request.includeSynonyms()) {
                for (TopicConfigs.Synonym synonym : entry.synonyms()) {
                    told.synonyms()
                            .add(new DescribeConfigsSynonym()
                                    .setName(synonym.name())
                                    .setValue(synonym.value())
                                    .setSource(ConfigCodes.source(synonym.source())));
                }
            }
            result.add(told);
        }
        return result;
    }

    private static DescribeConfigsResult refuse(DescribeConfigsResult result, Errors error, String message) {
        return result.setErrorCode(error.code()).setErrorMessage(message).setConfigs(new ArrayList<>());
    }
}
