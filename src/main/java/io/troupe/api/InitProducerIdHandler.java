package io.troupe.api;

import io.troupe.protocol.ApiHandler;
import io.troupe.protocol.RequestContext;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * InitProducerId, versions 0 to 5, for idempotent producers: a new producer id with epoch 0. Without a transactional id
 * the broker keeps nothing by which it could bump an epoch, so a producer that names its id and epoch (v3, KIP-360) gets
 * a new id as well.
 *
 * <p>Known gap: transactions. A transactional id is refused with CLUSTER_AUTHORIZATION_FAILED, which ends every producer at
 * once; FindCoordinator, which clients call before, says it in words and tells why this error.
 */
public final class InitProducerIdHandler implements ApiHandler<InitProducerIdRequestData> {
    private static final short PRODUCER_EPOCH_SINCE = 3;
    private static final long NO_PRODUCER_ID = -1;
    private static final short NO_PRODUCER_EPOCH = -1;

    private final ProducerIds producerIds;

    public InitProducerIdHandler(ProducerIds producerIds) {
        this.producerIds = producerIds;
    }

    @Override
    public ApiKeys apiKey() {
        return ApiKeys.INIT_PRODUCER_ID;
    }

    @Override
    public short minVersion() {
        return 0;
    }

    @Override
    public short maxVersion() {
        return 5;
    }

    @Override
    public void handle(RequestContext context, InitProducerIdRequestData request) {
        if (request.transactionalId() != null) {
            context.respond(refused(
                    request.transactionalId().isEmpty()
                            ? Errors.INVALID_REQUEST
                            : Errors.CLUSTER_AUTHORIZATION_FAILED));
            return;
        }
        boolean idGiven = request.producerId() != NO_PRODUCER_ID;
        boolean epochGiven = request.producerEpoch() != NO_PRODUCER_EPOCH;
        if (context.header().apiVersion() >= PRODUCER_EPOCH_SINCE && idGiven != epochGiven) {
            context.respond(refused(Errors.INVALID_REQUEST));
            return;
        }
        producerIds
                .next()
                .thenAccept(id -> context.respond(
                        id.isPresent()
                                ? new InitProducerIdResponseData()
                                        .setProducerId(id.getAsLong())
                                        .setProducerEpoch((short) 0)
                                : refused(Errors.COORDINATOR_LOAD_IN_PROGRESS)))
                .exceptionally(Unanswered.answer(context, request));
    }

    private static InitProducerIdResponseData refused(Errors error) {
        return new InitProducerIdResponseData()
                .setErrorCode(error.code())
                .setProducerId(NO_PRODUCER_ID)
                .setProducerEpoch(NO_PRODUCER_EPOCH);
    }
}
