package io.troupe.http;

import io.troupe.metadata.TopicImage;
import io.troupe.record.PlainRecord;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Records as server-sent events, of a partition or of all partitions of a topic. An event's {@code id} is where to go on: of a partition
 * its next offset, of a topic the next offset of each partition, as in {@code 17,4,0}. A client that comes back with {@code Last-Event-ID}
 * goes on there; else {@code offset} says where it begins, which is at the end. Offsets that are not there are refused before a stream begins. What ends a stream is told as an event named
 * {@code error}. While there is nothing to be told a comment is sent every 15 s.
 *
 * <p>A stream reads at most one step ahead of its client, which its partitions share. What is more, as of partitions whose batches are large, or
 * finds no room among the answers' memory, is only seen to be there and read again when it is its turn.
 */
final class EventRoutes {
    /** Well below the 60 s after which a silent connection is closed. */
    private static final int WAIT_MS = 15_000;

    private static final int MOST_PARTITIONS = 100;
    /** Bytes of text that room is made for before they are there. */
    private static final int MOST_AT_ONCE = 1 << 20;

    private static final byte[] END = {'\n', '\n'};

    private final Topics topics;
    private final RecordReading reading;
    private final Executor executor;

    EventRoutes(Topics topics, RecordReading reading, Executor executor) {
        this.topics = topics;
        this.reading = reading;
        this.executor = executor;
    }

    /**
     * What one step of one partition found.
     *
     * @param chunk null for one that is to be read when it is its turn, and for a failure
     * @param heldBytes that are counted for the chunk until then
     * @param next where the partition goes on; done when that is known, with -1 when it does not
     */
    private record Step(
            int partition,
            long from,
            RecordReading.Chunk chunk,
            HttpFailure failure,
            long heldBytes,
            CompletableFuture<Long> next) {
        static Step read(int partition, long from, RecordReading.Chunk chunk, long heldBytes) {
            return new Step(
                    partition, from, chunk, null, heldBytes, CompletableFuture.completedFuture(chunk.nextOffset()));
        }

        static Step later(int partition, long from) {
            return new Step(partition, from, null, null, 0, new CompletableFuture<>());
        }

        static Step failed(int partition, long from, Throwable thrown) {
            return new Step(
                    partition, from, null, EventRoutes.failure(thrown), 0, CompletableFuture.completedFuture(-1L));
        }
    }

    CompletionStage<HttpResponse> partition(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        int partition = Topics.partition(topic, exchange.path("partition"));
        RecordFormat format = format(exchange);
        String from =
                exchange.header("Last-Event-ID").orElse(exchange.query("offset").orElse("latest"));
        return FetchRoutes.start(reading, topic, partition, from)
                .thenCompose(offset -> isThere(topic, isNumber(from) ? Map.of(partition, offset) : Map.of())
                        .thenApply(there -> answer(exchange, topic, format, List.of(partition), new long[] {offset})));
    }

    private static boolean isNumber(String from) {
        return !from.isEmpty() && Character.isDigit(from.charAt(0));
    }

    /**
     * Looks whether offsets that were named can be read. Told in the stream it would be in vain: a browser then comes back with the same
     * {@code Last-Event-ID}, for ever, while an answer other than 200 ends that and leaves it to the page where to go on.
     *
     * @param named by partition
     * @return fails with HttpFailure 410, or 42206 for an offset beyond the end
     */
    private CompletionStage<Void> isThere(TopicImage topic, Map<Integer, Long> named) {
        Map<TopicPartition, Long> asked = new HashMap<>();
        named.keySet().forEach(p -> asked.put(new TopicPartition(topic.name(), p), null));
        return reading.ends(asked, RecordReading.EARLIEST)
                .thenCombine(reading.ends(asked, RecordReading.LATEST), (starts, ends) -> {
                    named.forEach((p, offset) -> {
                        TopicPartition partition = new TopicPartition(topic.name(), p);
                        RecordReading.End start = starts.get(partition);
                        RecordReading.End end = ends.get(partition);
                        if (start != null && offset < start.offset()) {
                            throw new HttpFailure(
                                    410,
                                    "Offset " + offset + " of " + partition + " is gone; its log begins at "
                                            + start.offset() + ".");
                        }
                        if (end != null && offset > end.offset()) {
                            throw new HttpFailure(
                                    HttpFailure.BAD_PAYLOAD,
                                    "Offset " + offset + " of " + partition + " is beyond its log's end, "
                                            + end.offset() + ".");
                        }
                    });
                    return null;
                });
    }

    CompletionStage<HttpResponse> topic(Exchange exchange) {
        TopicImage topic = topics.existing(exchange.path("topic"));
        if (!MediaTypes.asksForEvents(exchange.accept())) {
            throw new HttpFailure(
                    406,
                    "A whole topic is read as events: send Accept: " + MediaTypes.EVENTS
                            + ", or read a partition of it.");
        }
        int count = topic.partitions().size();
        if (count > MOST_PARTITIONS) {
            throw new HttpFailure(
                    HttpFailure.BAD_PAYLOAD,
                    "Topic " + topic.name() + " has " + count + " partitions, more than the " + MOST_PARTITIONS
                            + " that one stream reads; read its partitions.");
        }
        RecordFormat format = format(exchange);
        Optional<String> id = exchange.header("Last-Event-ID");
        String from = exchange.query("offset").orElse("latest");
        String[] ids = id.map(text -> text.split(",")).orElse(new String[0]);
        if (ids.length > count) {
            throw new HttpFailure(
                    HttpFailure.BAD_PAYLOAD, "Last-Event-ID has more positions than the topic has partitions.");
        }
        List<CompletableFuture<Long>> starts = new ArrayList<>();
        Map<Integer, Long> named = new HashMap<>();
        for (int p = 0; p < count; p++) {
            // A partition that was added since is read from its beginning.
            String start = id.isEmpty() ? from : p < ids.length ? ids[p].trim() : "earliest";
            starts.add(FetchRoutes.start(reading, topic, p, start).toCompletableFuture());
            if (isNumber(start)) {
                named.put(p, Long.parseLong(start));
            }
        }
        CompletableFuture<Void> all = CompletableFuture.allOf(starts.toArray(CompletableFuture[]::new));
        return all.thenCombine(isThere(topic, named), (done, there) -> {
            List<Integer> partitions = new ArrayList<>();
            long[] offsets = new long[count];
            for (int p = 0; p < count; p++) {
                partitions.add(p);
                offsets[p] = starts.get(p).join();
            }
            return answer(exchange, topic, format, partitions, offsets);
        });
    }

    private static RecordFormat format(Exchange exchange) {
        return exchange.query("format")
                .map(name -> RecordFormat.named(name)
                        .orElseThrow(
                                () -> new HttpFailure(HttpFailure.BAD_PAYLOAD, "format must be json, binary or text.")))
                .orElse(RecordFormat.JSON);
    }

    /** @param offsets where to begin, for each of {@code partitions} */
    private HttpResponse answer(
            Exchange exchange, TopicImage topic, RecordFormat format, List<Integer> partitions, long[] offsets) {
        Ahead ahead = new Ahead(exchange, new AtomicLong());
        Source<Step, NotUsed> steps = partitions.size() == 1
                ? steps(topic, partitions.get(0), offsets[0], 1, ahead)
                : Source.from(partitions)
                        .flatMapMerge(
                                partitions.size(),
                                p -> steps(topic, p, offsets[partitions.indexOf(p)], partitions.size(), ahead));
        long[] positions = offsets.clone();
        Source<ByteString, NotUsed> text = steps.takeWhile(step -> step.failure() == null, true)
                .mapAsync(1, step -> inTurn(topic, step, ahead)
                        .thenApply(read ->
                                text(exchange, topic, format, read, partitions.indexOf(read.partition()), positions)))
                .takeWhile(events -> !events.last(), true)
                .map(Events::text);
        return exchange.endless(
                        MediaTypes.EVENTS,
                        Source.single(ByteString.fromString(": from here on\n\n"))
                                .concat(text))
                .addHeader(RawHeader.create("Cache-Control", "no-store"));
    }

    /**
     * What a stream holds of steps whose turn has not come.
     *
     * @param bytes of all its partitions
     */
    private record Ahead(Exchange exchange, AtomicLong bytes) {
        /** @return whether there is room for it */
        boolean take(long size, long most) {
            long before = bytes.getAndAdd(size);
            if (before == 0 || before + size <= most) {
                try {
                    exchange.hold(size);
                    return true;
                } catch (HttpFailure busy) {
                    // It is read again when it is its turn.
                }
            }
            bytes.addAndGet(-size);
            return false;
        }

        void giveBack(long size) {
            bytes.addAndGet(-size);
            exchange.release(size);
        }
    }

    /** @param partitions that share a step's memory */
    private Source<Step, NotUsed> steps(TopicImage topic, int partition, long offset, int partitions, Ahead ahead) {
        return Source.unfoldAsync(
                CompletableFuture.completedFuture(offset),
                next -> next.thenCompose(from -> from < 0
                        ? CompletableFuture.completedFuture(Optional.empty())
                        // What it holds is counted by the thread that unpacked it, before it unpacks another one's.
                        : reading.read(topic, partition, from, reading.stepBytes() / partitions, WAIT_MS)
                                .handle((chunk, thrown) -> thrown == null
                                        ? ahead(partition, from, chunk, ahead)
                                        : Step.failed(partition, from, thrown))
                                .thenApply(step -> Optional.of(Pair.create(step.next(), step)))));
    }

    private Step ahead(int partition, long from, RecordReading.Chunk chunk, Ahead ahead) {
        long bytes = RecordText.objectBytes(chunk.records());
        return bytes == 0 || ahead.take(bytes, reading.stepBytes())
                ? Step.read(partition, from, chunk, bytes)
                : Step.later(partition, from);
    }

    /** The step with its records. They are counted with their text from now on. */
    private CompletionStage<Step> inTurn(TopicImage topic, Step step, Ahead ahead) {
        if (step.next().isDone()) {
            return CompletableFuture.supplyAsync(
                    () -> {
                        ahead.giveBack(step.heldBytes());
                        return step;
                    },
                    executor);
        }
        return reading.read(topic, step.partition(), step.from(), reading.stepBytes(), 0)
                .handle((chunk, thrown) -> {
                    step.next().complete(thrown == null ? chunk.nextOffset() : -1L);
                    return thrown == null
                            ? Step.read(step.partition(), step.from(), chunk, 0)
                            : Step.failed(step.partition(), step.from(), thrown);
                });
    }

    private static HttpFailure failure(Throwable thrown) {
        HttpFailure known = HttpFailure.of(thrown);
        return known != null ? known : new HttpFailure(500, HttpFailure.BROKER_ERROR, "The broker failed.");
    }

    /** @param last whether nothing follows */
    private record Events(ByteString text, boolean last) {}

    /**
     * The events of one step.
     *
     * @param positions moved on by what is written; steps come one after another
     */
    private Events text(
            Exchange exchange, TopicImage topic, RecordFormat format, Step step, int index, long[] positions) {
        if (step.failure() != null) {
            return new Events(ByteString.fromArrayUnsafe(error(step.failure())), true);
        }
        try {
            exchange.keep(RecordText.heldBytes(
                    format, topic.name().length(), step.chunk().records()));
        } catch (HttpFailure busy) {
            return new Events(ByteString.fromArrayUnsafe(error(busy)), true);
        }
        if (step.chunk().records().isEmpty()) {
            return new Events(ByteString.fromString(":\n\n"), false);
        }
        RecordText text = new RecordText(
                format,
                RecordText.expectedBytes(
                        format,
                        topic.name().length(),
                        step.chunk().sizeInBytes(),
                        step.chunk().records().size(),
                        MOST_AT_ONCE));
        for (PlainRecord record : step.chunk().records()) {
            Optional<HttpFailure> refused = format.refuses(record);
            if (refused.isPresent()) {
                return new Events(text.add(error(refused.get())).toByteString(), true);
            }
            positions[index] = record.offset() + 1;
            text.add(RecordText.ascii("id: " + id(positions) + "\ndata: "));
            int from = text.length();
            text.record(topic.name(), step.partition(), record);
            text.onOneLine(from);
            text.add(END);
        }
        return new Events(text.toByteString(), false);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static String id(long[] positions) {
        return Arrays.stream(positions).mapToObj(Long::toString).collect(Collectors.joining(","));
    }

    private static byte[] error(HttpFailure failure) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        text.writeBytes(ascii("event: error\ndata: "));
        text.writeBytes(HttpPort.body(failure));
        text.writeBytes(END);
        return text.toByteArray();
    }
}
