package io.troupe.group;

import io.troupe.group.GroupFixture.Asked;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;

/** A heartbeat whose answer may wait. */
final class HeldBeat extends Late<HeartbeatResponseData> {
    HeldBeat() {
        super(new Asked<>());
    }

    Errors error() {
        return Errors.forCode(answer.now().errorCode());
    }
}
