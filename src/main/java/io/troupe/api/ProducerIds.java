package io.troupe.api;

import io.troupe.controller.ControllerClient;
import io.troupe.controller.ControllerCommand;
import io.troupe.controller.ControllerReply;
import io.troupe.metadata.BrokerImage;
import io.troupe.metadata.MetadataCache;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Hands out producer ids from blocks that the controller gave this broker; the next block is asked for before the last
 * one is used up. Any thread; never blocks. An id is handed out once; those of a block that was never finished are lost.
 */
public final class ProducerIds {
    /** Callers that may wait for a block; beyond it they are told to try again. */
    static final int MAX_WAITERS = 10_000;

    private static final int TIMEOUT_MS = 5000;
    /** A new block is asked for when less than this share of the last one is left. */
    private static final int AHEAD = 10;

    private record Block(long next, long end, long aheadAt) {}

    private final int brokerId;
    private final MetadataCache metadata;
    private final ControllerClient controller;

    // All guarded by this.
    private final Deque<Block> blocks = new ArrayDeque<>();
    private final Queue<CompletableFuture<OptionalLong>> waiters = new ArrayDeque<>();
    private boolean asking;

    public ProducerIds(int brokerId, MetadataCache metadata, ControllerClient controller) {
        this.brokerId = brokerId;
        this.metadata = metadata;
        this.controller = controller;
    }

    /** Never fails: empty when there is no id now and the client should ask again. */
    public CompletionStage<OptionalLong> next() {
        CompletableFuture<OptionalLong> result;
        boolean ask;
        synchronized (this) {
            OptionalLong id = take();
            if (id.isPresent() || waiters.size() >= MAX_WAITERS) {
                result = CompletableFuture.completedFuture(id);
            } else {
                result = new CompletableFuture<>();
                waiters.add(result);
            }
            ask = !asking && runningLow();
            asking |= ask;
        }
        if (ask) {
            ask();
        }
        return result;
    }

    private OptionalLong take() {
        Block block = blocks.poll();
        if (block == null) {
            return OptionalLong.empty();
        }
        if (block.next() + 1 < block.end()) {
            blocks.addFirst(new Block(block.next() + 1, block.end(), block.aheadAt()));
        }
        return OptionalLong.of(block.next());
    }

    private boolean runningLow() {
        return blocks.isEmpty()
                || blocks.size() == 1 && blocks.peek().next() >= blocks.peek().aheadAt();
    }

    private void ask() {
        Optional<BrokerImage> self = metadata.current().broker(brokerId);
        if (self.isEmpty()) {
            onReply(null);
            return;
        }
        try {
            controller
                    .submit(
                            new ControllerCommand.AllocateProducerIds(
                                    brokerId, self.get().brokerEpoch()),
                            TIMEOUT_MS)
                    .whenComplete((reply, failure) -> onReply(reply));
        } catch (RuntimeException e) {
            onReply(null);
        }
    }

    /** A block serves as many waiters as it can; without one all are sent away, to ask again. */
    private void onReply(ControllerReply reply) {
        List<Runnable> answers = new ArrayList<>();
        boolean again = false;
        synchronized (this) {
            asking = false;
            if (reply instanceof ControllerReply.ProducerIds ids && ids.count() > 0) {
                long end = ids.firstProducerId() + ids.count();
                blocks.add(new Block(ids.firstProducerId(), end, end - Math.max(1, ids.count() / AHEAD)));
                while (!waiters.isEmpty() && !blocks.isEmpty()) {
                    CompletableFuture<OptionalLong> waiter = waiters.remove();
                    OptionalLong id = take();
                    answers.add(() -> waiter.complete(id));
                }
                again = runningLow() && !waiters.isEmpty();
                asking = again;
            } else {
                for (CompletableFuture<OptionalLong> waiter : waiters) {
                    answers.add(() -> waiter.complete(OptionalLong.empty()));
                }
                waiters.clear();
            }
        }
        answers.forEach(Runnable::run);
        if (again) {
            ask();
        }
    }
}
