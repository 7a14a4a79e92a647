package io.troupe.metadata;

import io.troupe.config.Listener;
import java.util.List;
import java.util.Optional;

/**
 * A registered broker as the metadata quorum knows it.
 *
 * @param brokerEpoch BE: the metadata index of its registration
 * @param listeners where clients reach it
 * @param fenced it leads nothing and counts in no ISR until unfenced
 * @param inControlledShutdown its leaderships are moving away
 */
public record BrokerImage(
        int brokerId,
        long brokerEpoch,
        List<Listener> listeners,
        Optional<String> rack,
        boolean fenced,
        boolean inControlledShutdown) {}
