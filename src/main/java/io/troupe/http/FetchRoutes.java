package io.troupe.http;

import io.troupe.metadata.TopicImage;
import io.troupe.record.PlainRecord;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Reading without a consumer: {@code GET /topics/{t}/partitions/{p}/records?offset=N}, where the answer's {@code next_offset} is the next
 * request's {@code offset}. With {@code Accept: text/event-stream} the same, and a whole topic, as {@link EventRoutes} streams them.
 */
final class FetchRoutes {
    private static final int DEFAULT_WAIT_MS = 1000;
    private static final int MOST_WAIT_MS = 300_000;
    /** Of an answer that does not hold its place until it is read. */
    private static final int MOST_WHOLE_BYTES = 64 << 10;

    private static final int MOST_EXPECTED_BYTES = 2 << 20;
    /** An answer ends when no more than such a part of it is left: one step more would find the half of a batch, and the next answer read the batch again. */
    private static final int LAST_PART = 8;

    private static final String TIMESTAMP = "timestamp:";
    private static final byte[] BEGINNING = RecordText.ascii("{\"records\":[");
    private static final byte[] COMMA = RecordText.ascii(",");
    private static final byte[] NOTHING = {};

    private final Topics topics;
    private final RecordReading reading;
    private final EventRoutes events;

    FetchRoutes(Topics topics, RecordReading reading, EventRoutes events) {
        this.topics = topics;
        this.reading = reading;
        this.events = events;
    }

    List<Route> routes() {
        return List.of(
                Route.of("GET", "/topics/{topic}/partitions/{partition}/records", this::records),
                Route.of("GET", "/topics/{topic}/records", events::topic));
    }

    private CompletionStage<HttpResponse> records(Exchange exchange) {
        if (MediaTypes.asksForEvents(exchange.accept())) {
            return events.partition(exchange);
        }
        RecordFormat format = MediaTypes.records(exchange.accept());
        TopicImage topic = topics.existing(exchange.path("topic"));
        int partition = Topics.partition(topic, exchange.path("partition"));
        int most = exchange.limits().responseBytes();
        int maxBytes = exchange.number("max_bytes", most, 1, Integer.MAX_VALUE);
        int waitMs = exchange.number("timeout", DEFAULT_WAIT_MS, 0, MOST_WAIT_MS);
        return start(reading, topic, partition, exchange.query("offset").orElse("earliest"))
                .thenCompose(offset ->
                        reading.read(topic, partition, offset, Math.min(maxBytes, most), waitMs, exchange.executor()))
                .thenComposeAsync(
                        first -> answer(exchange, new Range(topic, partition, format, first), Math.min(maxBytes, most)),
                        exchange.executor());
    }

    /** Where an {@code offset} of a query is: a number, earliest, latest or timestamp:MS. */
    static CompletionStage<Long> start(RecordReading reading, TopicImage topic, int partition, String offset) {
        try {
            if (offset.equals("earliest") || offset.equals("latest")) {
                return reading.offset(
                        topic, partition, offset.equals("latest") ? RecordReading.LATEST : RecordReading.EARLIEST);
            }
            long number = Long.parseLong(offset.startsWith(TIMESTAMP) ? offset.substring(TIMESTAMP.length()) : offset);
            if (number >= 0) {
                return offset.startsWith(TIMESTAMP)
                        ? reading.offset(topic, partition, number)
                        : CompletableFuture.completedFuture(number);
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw new HttpFailure(
                HttpFailure.BAD_PAYLOAD,
                "offset=" + HttpFailure.shown(offset)
                        + " must be a number from 0 on, earliest, latest, or timestamp: and milliseconds since 1970.");
    }

    /** What one answer reads, and the first step of it, on which its status depends. */
    private record Range(TopicImage topic, int partition, RecordFormat format, RecordReading.Chunk first) {}

    /**
     * How far an answer is.
     *
     * @param chunk to be written next, null at the end
     * @param bytes of records written before it
     */
    private record Progress(RecordReading.Chunk chunk, long bytes) {}

    private CompletionStage<HttpResponse> answer(Exchange exchange, Range range, int maxBytes) {
        keep(exchange, range, range.first());
        List<PlainRecord> records = range.first().records();
        if (!records.isEmpty()) {
            range.format().refuses(records.get(0)).ifPresent(refusal -> {
                throw refusal;
            });
        }
        return step(exchange, range, new Progress(range.first(), 0), maxBytes).thenApply(begun -> {
            boolean whole = begun.first().chunk() == null;
            if (whole && begun.second().size() <= MOST_WHOLE_BYTES) {
                return Exchange.answer(
                        200, range.format().contentType(), begun.second().toArray());
            }
            Source<ByteString, NotUsed> rest = Source.unfoldAsync(
                    begun.first(),
                    at -> at.chunk() == null
                            ? CompletableFuture.completedFuture(Optional.empty())
                            : step(exchange, range, at, maxBytes).thenApply(Optional::of));
            return exchange.stream(
                    range.format().contentType(), Source.single(begun.second()).concat(rest));
        });
    }

    /** Writes a chunk while the next one is read, if there is to be one; so not more than two are in memory. */
    private CompletionStage<Pair<Progress, ByteString>> step(
            Exchange exchange, Range range, Progress at, int maxBytes) {
        RecordReading.Chunk chunk = at.chunk();
        long bytes = at.bytes() + chunk.sizeInBytes();
        boolean ends = chunk.records().isEmpty()
                || bytes >= maxBytes - maxBytes / LAST_PART
                || chunk.nextOffset() >= range.first().highWatermark();
        CompletionStage<RecordReading.Chunk> reads = ends
                ? null
                : reading.read(
                        range.topic(),
                        range.partition(),
                        chunk.nextOffset(),
                        (int) (maxBytes - bytes),
                        0,
                        exchange.executor());
        int fit = 0;
        while (fit < chunk.records().size()
                && range.format().refuses(chunk.records().get(fit)).isEmpty()) {
            fit++;
        }
        ByteString text = text(range, chunk, fit, at.bytes() > 0);
        if (ends || fit < chunk.records().size()) {
            long next = fit < chunk.records().size() ? chunk.records().get(fit).offset() : chunk.nextOffset();
            return CompletableFuture.completedFuture(Pair.create(new Progress(null, bytes), text.concat(end(next))));
        }
        return reads.thenApply(following -> keep(exchange, range, following))
                .handle((following, failure) -> failure == null
                        ? Pair.create(new Progress(following, bytes), text)
                        // Retention, a new leader or others' answers have been quicker; the next request is told.
                        : Pair.create(new Progress(null, bytes), text.concat(end(chunk.nextOffset()))));
    }

    private static RecordReading.Chunk keep(Exchange exchange, Range range, RecordReading.Chunk chunk) {
        exchange.keep(RecordText.heldBytes(range.format(), range.topic().name().length(), chunk.records()));
        return chunk;
    }

    /** Several steps make one array: only the first has its beginning, and between two stands a comma. */
    private static ByteString text(Range range, RecordReading.Chunk chunk, int count, boolean follows) {
        String topic = range.topic().name();
        RecordText text = new RecordText(
                range.format(),
                RecordText.expectedBytes(
                        range.format(), topic.length(), chunk.sizeInBytes(), count, MOST_EXPECTED_BYTES));
        byte[] before = chunk == range.first() ? BEGINNING : follows ? COMMA : NOTHING;
        for (int i = 0; i < count; i++) {
            text.add(before).record(topic, range.partition(), chunk.records().get(i));
            before = COMMA;
        }
        return (count == 0 && chunk == range.first() ? text.add(BEGINNING) : text).toByteString();
    }

    private static ByteString end(long next) {
        return ByteString.fromString("],\"next_offset\":" + next + "}");
    }
}
