package io.troupe.server;

import io.troupe.api.ApiVersionsHandler;
import io.troupe.api.FetchHandler;
import io.troupe.api.ListOffsetsHandler;
import io.troupe.api.OffsetForLeaderEpochHandler;
import io.troupe.api.ProduceHandler;
import io.troupe.config.BrokerConfig;
import io.troupe.metadata.MetadataCache;
import io.troupe.partition.LocalReplicas;
import io.troupe.protocol.ApiDispatcher;
import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.NetworkStats;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;

/** The API keys that a broker serves, each with its handler. */
final class Handlers implements AutoCloseable {
    private final FetchHandler fetch;
    private final ApiDispatcher dispatcher;

    Handlers(
            BrokerConfig config,
            MetadataCache metadata,
            LocalReplicas replicas,
            Guardian.Started services,
            Executor reads,
            NetworkStats stats) {
        fetch = new FetchHandler(config, metadata, replicas, reads, stats);
        List<ApiHandler<?>> handlers = new ArrayList<>(List.of(
                new ProduceHandler(config, metadata, replicas),
                fetch,
                new ListOffsetsHandler(metadata, replicas, reads),
                new OffsetForLeaderEpochHandler(metadata, replicas)));
        handlers.add(new ApiVersionsHandler(handlers, metadata, config.nodeId()));
        dispatcher = new ApiDispatcher(handlers);
    }

    ApiDispatcher dispatcher() {
        return dispatcher;
    }

    @Override
    public void close() {
        fetch.close();
    }
}
