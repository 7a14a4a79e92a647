package io.troupe.http;

import io.troupe.http.InstanceAction.Place;
import io.troupe.http.InstanceAction.Step;
import io.troupe.http.PartitionsReading.Found;
import io.troupe.http.PartitionsReading.Part;
import io.troupe.record.PlainRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Records for consumer instances. The broker that is asked reads them, from whoever leads them; the instance only says where, and again
 * before any are handed out whether they may be. An answer is made in steps like those of {@link FetchRoutes}, each read when the socket
 * has taken the one before; one waits for its first records, in slices, so that a rebalance meanwhile is heard of.
 */
final class ConsumerReading {
    private static final int MOST_WAIT_MS = 300_000;
    private static final int SLICE_MS = 500;
    /** For a place among readers, for partitions to be assigned or to have a leader. */
    private static final int PAUSE_MS = 50;

    private static final int MOST_EXPECTED_BYTES = 2 << 20;
    private static final byte[] BEGINNING = RecordText.ascii("[");
    private static final byte[] COMMA = RecordText.ascii(",");

    private final Instances instances;
    private final PartitionsReading reading;
    private final int timeoutMs;
    private final Executor executor;

    ConsumerReading(Instances instances, PartitionsReading reading, int timeoutMs, Executor executor) {
        this.instances = instances;
        this.reading = reading;
        this.timeoutMs = timeoutMs;
        this.executor = executor;
    }

    /** One request. Its steps follow one another. */
    private final class Reader {
        private final Exchange exchange;
        private final InstanceId id;
        private final long lease = 1 + ThreadLocalRandom.current().nextLong(Long.MAX_VALUE - 1);
        private final int maxBytes;
        private final long startNanos = System.nanoTime();
        private final int asksToWaitMs;
        /** Where this answer left each partition. */
        private final Map<TopicIdPartition, Long> left = new HashMap<>();

        private InstanceDefinition definition;
        private int waitMs;
        private long bytes;
        private boolean begun;
        private volatile boolean done;

        Reader(Exchange exchange, InstanceId id) {
            this.exchange = exchange;
            this.id = id;
            int most = exchange.limits().responseBytes();
            int wanted = exchange.number("max_bytes", -1, -1, Integer.MAX_VALUE);
            this.maxBytes = wanted <= 0 ? most : Math.min(wanted, most);
            this.asksToWaitMs = exchange.number("timeout", -1, -1, MOST_WAIT_MS);
        }

        /** The first records, or none when the time is up; what is returned may be handed out. */
        CompletionStage<List<Part>> first() {
            if (exchange.isGone()) {
                // Nobody is there to get them; whoever comes next does.
                return CompletableFuture.completedFuture(List.of());
            }
            return instances
                    .ask(id, new InstanceAction.Read(lease), timeoutMs)
                    .thenComposeAsync(
                            reply -> {
                                if (!(reply instanceof InstanceReply.Granted granted)) {
                                    return againIn(PAUSE_MS);
                                }
                                if (definition == null) {
                                    definition = granted.definition();
                                    MediaTypes.requireRecords(exchange.accept(), definition.format());
                                    waitMs = asksToWaitMs >= 0 ? asksToWaitMs : definition.requestTimeoutMs();
                                }
                                if (granted.places().isEmpty()) {
                                    return againIn(granted.settled() ? SLICE_MS : PAUSE_MS);
                                }
                                int slice = Math.max(0, Math.min(SLICE_MS, remainingMs()));
                                return reading.read(granted.places(), maxBytes, definition.minBytes(), slice)
                                        .thenCompose(this::take)
                                        .thenCompose(taken -> taken.isEmpty()
                                                ? againIn(0)
                                                : CompletableFuture.completedFuture(taken));
                            },
                            executor);
        }

        private int remainingMs() {
            // Not known yet: somebody else is reading.
            int asked = asksToWaitMs >= 0 ? asksToWaitMs : InstanceRequests.DEFAULT_TIMEOUT_MS;
            int wait = definition == null ? asked : waitMs;
            return (int) (wait - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos));
        }

        private CompletionStage<List<Part>> againIn(int pauseMs) {
            int remaining = remainingMs();
            if (remaining <= 0) {
                return CompletableFuture.completedFuture(List.of());
            }
            if (pauseMs == 0) {
                return first();
            }
            Executor later =
                    CompletableFuture.delayedExecutor(Math.min(pauseMs, remaining), TimeUnit.MILLISECONDS, executor);
            return CompletableFuture.runAsync(() -> {}, later).thenCompose(none -> first());
        }

        /** More, if there is more at once. */
        CompletionStage<List<Part>> next() {
            if (bytes >= maxBytes) {
                return CompletableFuture.completedFuture(List.of());
            }
            return instances.ask(id, new InstanceAction.Read(lease), timeoutMs).thenCompose(reply -> {
                List<Place> places = new ArrayList<>();
                if (reply instanceof InstanceReply.Granted granted) {
                    for (Place place : granted.places()) {
                        // An instance that began anew meanwhile stands at its committed offsets; nothing is to be told
                        // twice.
                        if (place.offset() == left.getOrDefault(place.partition(), place.offset())) {
                            places.add(place);
                        }
                    }
                }
                return places.isEmpty()
                        ? CompletableFuture.completedFuture(List.<Part>of())
                        : reading.read(places, (int) (maxBytes - bytes), 1, 0).thenCompose(this::take);
            });
        }

        /** What of it may be handed out. */
        private CompletionStage<List<Part>> take(Found found) {
            List<Part> parts = new ArrayList<>();
            for (Part part : found.parts()) {
                Part fit = showable(part, parts.isEmpty() && !begun);
                if (fit.moves()) {
                    parts.add(fit);
                }
            }
            if (!found.lost().isEmpty()) {
                return instances
                        .ask(id, new InstanceAction.Lost(found.lost()), timeoutMs)
                        .thenCompose(reply -> take(new Found(parts, List.of(), found.failed())));
            }
            if (!begun && exchange.isGone()) {
                return CompletableFuture.completedFuture(List.of());
            }
            if (parts.isEmpty()) {
                return found.failed() && !begun ? paused() : CompletableFuture.completedFuture(List.of());
            }
            exchange.keep(held(parts));
            List<Step> taken = parts.stream()
                    .map(part ->
                            new Step(part.partition(), part.from(), part.chunk().nextOffset()))
                    .toList();
            return instances
                    .ask(id, new InstanceAction.Take(lease, taken), timeoutMs)
                    .thenApply(reply -> {
                        Set<TopicPartition> ours = Set.copyOf(((InstanceReply.Taken) reply).partitions());
                        List<Part> mine = parts.stream()
                                .filter(part -> ours.contains(part.partition().topicPartition()))
                                .toList();
                        mine.forEach(
                                part -> left.put(part.partition(), part.chunk().nextOffset()));
                        return mine.stream()
                                .filter(part -> !part.chunk().records().isEmpty())
                                .toList();
                    });
        }

        /** A broker that cannot be asked is not asked again at once. */
        private CompletionStage<List<Part>> paused() {
            Executor later = CompletableFuture.delayedExecutor(PAUSE_MS, TimeUnit.MILLISECONDS, executor);
            return CompletableFuture.supplyAsync(List::of, later);
        }

        /** Up to the first record that the format cannot show; to begin with that one fails with 40601. */
        private Part showable(Part part, boolean first) {
            RecordFormat format = definition.format();
            List<PlainRecord> records = part.chunk().records();
            for (int i = 0; i < records.size(); i++) {
                Optional<HttpFailure> refusal = format.refuses(records.get(i));
                if (refusal.isPresent()) {
                    if (i == 0 && first) {
                        throw new HttpFailure(
                                HttpFailure.FORMAT_MISMATCH,
                                part.partition().topicPartition() + ": "
                                        + refusal.get().getMessage());
                    }
                    return new Part(
                            part.partition(),
                            part.from(),
                            new RecordReading.Chunk(
                                    records.subList(0, i),
                                    i == 0 ? part.from() : records.get(i).offset(),
                                    part.chunk().highWatermark()));
                }
            }
            return part;
        }

        private long held(List<Part> parts) {
            return parts.stream()
                    .mapToLong(part -> RecordText.heldBytes(
                            definition.format(),
                            part.partition().topic().length(),
                            part.chunk().records()))
                    .sum();
        }

        ByteString text(List<Part> parts) {
            long size =
                    parts.stream().mapToLong(part -> part.chunk().sizeInBytes()).sum();
            int count = parts.stream()
                    .mapToInt(part -> part.chunk().records().size())
                    .sum();
            int topicChars = parts.stream()
                    .mapToInt(part -> part.partition().topic().length())
                    .max()
                    .orElse(0);
            RecordText text = new RecordText(
                    definition.format(),
                    RecordText.expectedBytes(definition.format(), topicChars, size, count, MOST_EXPECTED_BYTES));
            for (Part part : parts) {
                for (PlainRecord record : part.chunk().records()) {
                    text.add(begun ? COMMA : BEGINNING)
                            .record(part.partition().topic(), part.partition().partition(), record);
                    begun = true;
                }
            }
            bytes += size;
            return text.toByteString();
        }

        /** @param done whether all of the answer was asked for, so it is on its way */
        void leave(boolean done) {
            instances.ask(id, new InstanceAction.Leave(lease, done), timeoutMs).exceptionally(failure -> null);
        }
    }

    CompletionStage<HttpResponse> records(Exchange exchange, InstanceId id) {
        if (exchange.isHead()) {
            throw new HttpFailure(405, "A HEAD would take records and hand out none; only GET reads.");
        }
        Reader reader = new Reader(exchange, id);
        return reader.first().handle((first, failure) -> {
            // Who went away while it was taken begins no stream, so nothing would tell that it was not sent.
            boolean nobody = failure == null && exchange.isGone();
            if (failure != null || nobody || first.isEmpty()) {
                reader.leave(failure == null && !nobody);
            }
            if (failure != null) {
                throw new CompletionException(HttpFailure.cause(failure));
            }
            if (reader.definition == null) {
                // Others were reading all the time.
                return empty(MediaTypes.V2);
            }
            String type = reader.definition.format().contentType();
            return nobody || first.isEmpty() ? empty(type) : exchange.stream(type, text(reader, first));
        });
    }

    private static HttpResponse empty(String type) {
        return Exchange.answer(200, type, Json.bytes(json -> {
            json.writeStartArray();
            json.writeEndArray();
        }));
    }

    /** Each step of the stream is what is written next; null at the end. */
    private Source<ByteString, ?> text(Reader reader, List<Part> first) {
        Source<ByteString, NotUsed> steps = Source.unfoldAsync(Optional.of(first), parts -> {
            if (parts.isEmpty()) {
                reader.done = true;
                return CompletableFuture.completedFuture(Optional.empty());
            }
            return step(reader, parts.get()).thenApply(Optional::of);
        });
        return steps.watchTermination((value, done) -> {
            // Nobody has all of an answer before its end is sent: who left before that gave it up.
            done.whenComplete((d, failure) -> reader.leave(reader.done && !reader.exchange.isGone()));
            return value;
        });
    }

    private CompletionStage<Pair<Optional<List<Part>>, ByteString>> step(Reader reader, List<Part> parts) {
        if (!parts.isEmpty()) {
            // More is read when this has gone out; there the answer ends if there is none.
            return CompletableFuture.completedFuture(Pair.create(Optional.of(List.of()), reader.text(parts)));
        }
        return reader.next()
                .exceptionally(failure -> List.of())
                .thenApplyAsync(
                        more -> more.isEmpty()
                                ? Pair.create(Optional.empty(), ByteString.fromString("]"))
                                : Pair.create(Optional.of(List.of()), reader.text(more)),
                        executor);
    }
}
