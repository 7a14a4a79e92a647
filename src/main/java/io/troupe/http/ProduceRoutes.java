package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import io.troupe.metadata.TopicImage;
import io.troupe.record.PlainRecord;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Writing records: a batch in one JSON object as REST Proxy v2 has it, or a stream of records ({@code application/x-ndjson}) that is
 * answered line by line, and read from the socket no faster than it is written.
 */
final class ProduceRoutes {
    /** Memory of records of a stream that gather while those before them are written. */
    private static final int STREAM_BATCH_BYTES = 1 << 20;
    /** Of a stream that are cut into records at a time: those of a larger piece, if they are small, would take many times its bytes. */
    private static final int MOST_PIECE_BYTES = 8 << 10;

    // There is one of each for each record, so they are encoded once.
    private static final SerializedString PARTITION = new SerializedString("partition");
    private static final SerializedString OFFSET = new SerializedString("offset");
    private static final SerializedString ERROR_CODE = new SerializedString("error_code");
    private static final SerializedString ERROR = new SerializedString("error");

    private final Topics topics;
    private final RecordWriting writing;
    private final Executor executor;

    ProduceRoutes(Topics topics, RecordWriting writing, Executor executor) {
        this.topics = topics;
        this.writing = writing;
        this.executor = executor;
    }

    List<Route> routes() {
        return List.of(
                Route.of("POST", "/topics/{topic}", exchange -> produce(exchange, false)),
                Route.of("POST", "/topics/{topic}/partitions/{partition}", exchange -> produce(exchange, true)));
    }

    private CompletionStage<HttpResponse> produce(Exchange exchange, boolean toPartition) {
        if (MediaTypes.bare(exchange.contentType()).equals(MediaTypes.LINES)) {
            return stream(exchange, toPartition);
        }
        RecordFormat format = MediaTypes.sent(exchange.contentType());
        MediaTypes.control(exchange.accept());
        boolean async = exchange.flag("async");
        return exchange.body()
                .thenApplyAsync(body -> records(exchange, body, format), exchange.executor())
                .thenCompose(records -> topics.forProducing(exchange.path("topic"))
                        .thenComposeAsync(
                                topic -> answer(exchange, topic, to(exchange, topic, records, toPartition), async),
                                exchange.executor()));
    }

    private static List<NewRecord> records(Exchange exchange, byte[] body, RecordFormat format) {
        List<NewRecord> records = NewRecord.list(body, format, System.currentTimeMillis());
        // Many small ones take more than their body counts for.
        exchange.hold(
                Math.max(0, (long) NewRecord.RECORD_BYTES * records.size() - (long) Exchange.READING * body.length));
        return records;
    }

    /** The records with the partition of the path, which must exist. */
    private static List<NewRecord> to(
            Exchange exchange, TopicImage topic, List<NewRecord> records, boolean toPartition) {
        if (!toPartition) {
            return records;
        }
        int partition = Topics.partition(topic, exchange.path("partition"));
        List<NewRecord> result = new ArrayList<>(records.size());
        for (NewRecord record : records) {
            if (record.partition() != null && record.partition() != partition) {
                throw new HttpFailure(
                        HttpFailure.BAD_PAYLOAD,
                        "A record names partition " + record.partition() + ", the path partition " + partition + ".");
            }
            result.add(new NewRecord(partition, record.record()));
        }
        return result;
    }

    private CompletionStage<HttpResponse> answer(
            Exchange exchange, TopicImage topic, List<NewRecord> records, boolean async) {
        CompletionStage<List<RecordWriting.Report>> written = writing.write(topic, records);
        if (async) {
            exchange.until(written);
            return CompletableFuture.completedFuture(HttpResponse.create().withStatus(204));
        }
        // Not on the leader's thread, which others wait for.
        return written.thenApplyAsync(
                reports -> exchange.json(200, json -> {
                    json.writeStartObject();
                    json.writeArrayFieldStart("offsets");
                    for (RecordWriting.Report report : reports) {
                        write(json, report);
                    }
                    json.writeEndArray();
                    json.writeNullField("key_schema_id");
                    json.writeNullField("value_schema_id");
                    json.writeEndObject();
                }),
                exchange.executor());
    }

    private static void write(JsonGenerator json, RecordWriting.Report report) throws IOException {
        json.writeStartObject();
        json.writeFieldName(PARTITION);
        json.writeNumber(report.partition());
        json.writeFieldName(OFFSET);
        if (report.failure() == null) {
            json.writeNumber(report.offset());
            json.writeFieldName(ERROR_CODE);
            json.writeNull();
            json.writeFieldName(ERROR);
            json.writeNull();
        } else {
            json.writeNull();
            json.writeFieldName(ERROR_CODE);
            json.writeNumber(report.failure().errorCode());
            json.writeFieldName(ERROR);
            json.writeString(report.failure().getMessage());
        }
        json.writeEndObject();
    }

    private CompletionStage<HttpResponse> stream(Exchange exchange, boolean toPartition) {
        RecordFormat format = exchange.query("format")
                .map(name -> RecordFormat.named(name)
                        .orElseThrow(
                                () -> new HttpFailure(HttpFailure.BAD_PAYLOAD, "format must be json, binary or text.")))
                .orElse(RecordFormat.JSON);
        return topics.forProducing(exchange.path("topic")).thenApply(topic -> {
            Integer partition = toPartition ? Topics.partition(topic, exchange.path("partition")) : null;
            Function<ByteString, NewRecord> parse = text -> {
                NewRecord record = NewRecord.one(text.toArray(), format, System.currentTimeMillis());
                return partition == null ? record : new NewRecord(partition, record.record());
            };
            return exchange.stream(MediaTypes.LINES, reports(exchange, topic, parse, (json, done) -> {
                if (done.report() != null) {
                    write(json, done.report());
                } else {
                    json.writeStartObject();
                    json.writeNumberField("error_code", done.failure().errorCode());
                    json.writeStringField("error", done.failure().getMessage());
                    json.writeEndObject();
                }
            }));
        });
    }

    /**
     * What became of one record of a stream.
     *
     * @param record null when it could not be read
     * @param report null when it was not tried to write it
     * @param failure null when it was tried
     */
    record Streamed(PlainRecord record, RecordWriting.Report report, HttpFailure failure) {}

    /** Writes one report. */
    interface Shown {
        void write(JsonGenerator json, Streamed streamed) throws IOException;
    }

    /**
     * A line for each record of a stream, in order. What cannot be read as a record is told in its place and passed over; what is no
     * stream of JSON objects ends it, with a line that says so.
     */
    Source<ByteString, NotUsed> reports(
            Exchange exchange, TopicImage topic, Function<ByteString, NewRecord> parse, Shown shown) {
        JsonObjects objects = new JsonObjects(exchange.limits().bodyBytes());
        return exchange.bytes()
                .mapConcat(ProduceRoutes::pieces)
                .map(Optional::of)
                .concat(Source.single(Optional.empty()))
                .mapConcat(piece -> cut(exchange, objects, piece))
                .takeWhile(part -> part.failure() == null, true)
                .batchWeighted(STREAM_BATCH_BYTES, Part::inMemory, ProduceRoutes::first, (all, next) -> {
                    all.add(next);
                    return all;
                })
                .mapAsync(1, all -> CompletableFuture.supplyAsync(() -> writeAll(topic, all, parse), executor)
                        .thenCompose(written -> written)
                        .whenComplete((written, failure) -> exchange.release(
                                all.stream().mapToLong(Part::inMemory).sum())))
                .map(all -> lines(all, shown))
                .recover(new org.apache.pekko.japi.pf.PFBuilder<Throwable, ByteString>()
                        .matchAny(failure -> lines(List.of(new Streamed(null, null, streamFailure(failure))), shown))
                        .build())
                .mapMaterializedValue(value -> NotUsed.getInstance());
    }

    /**
     * What is to be written next, or why nothing more is.
     *
     * @param text null behind the last one
     * @param failure null for one to be written
     */
    private record Part(ByteString text, HttpFailure failure) {
        /** Bytes, from when it is whole until it is written. */
        long inMemory() {
            return text == null ? 0 : text.size() + beyondText(text);
        }

        private static long beyondText(ByteString text) {
            return (long) Exchange.READING * text.size() + NewRecord.RECORD_BYTES;
        }
    }

    private static List<ByteString> pieces(ByteString bytes) {
        List<ByteString> pieces = new ArrayList<>();
        for (ByteString left = bytes; !left.isEmpty(); left = left.drop(MOST_PIECE_BYTES)) {
            pieces.add(left.take(MOST_PIECE_BYTES));
        }
        return pieces;
    }

    /** The objects that end with a piece of the stream, or with its end. */
    private static List<Part> cut(Exchange exchange, JsonObjects objects, Optional<ByteString> piece) {
        List<Part> parts = new ArrayList<>();
        try {
            exchange.hold(piece.map(ByteString::size).orElse(0));
            JsonObjects.Cut cut = piece.map(objects::add).orElseGet(objects::end);
            exchange.release(cut.passedOver());
            for (ByteString text : cut.objects()) {
                exchange.hold(Part.beyondText(text));
                parts.add(new Part(text, null));
            }
            if (cut.failure() != null) {
                parts.add(new Part(null, cut.failure()));
            }
        } catch (HttpFailure busy) {
            parts.add(new Part(null, busy));
        }
        return parts;
    }

    private static List<Part> first(Part part) {
        List<Part> list = new ArrayList<>();
        list.add(part);
        return list;
    }

    private static HttpFailure streamFailure(Throwable failure) {
        HttpFailure known = HttpFailure.of(failure);
        return known != null
                ? known
                : new HttpFailure(
                        HttpFailure.BAD_JSON,
                        "The stream ends here: "
                                + HttpFailure.shown(HttpFailure.cause(failure).getMessage()));
    }

    private CompletionStage<List<Streamed>> writeAll(
            TopicImage topic, List<Part> parts, Function<ByteString, NewRecord> parse) {
        List<Streamed> results = new ArrayList<>();
        List<NewRecord> records = new ArrayList<>();
        int partitions = topic.partitions().size();
        for (Part part : parts) {
            try {
                if (part.failure() != null) {
                    throw part.failure();
                }
                NewRecord record = parse.apply(part.text());
                if (record.partition() != null && record.partition() >= partitions) {
                    throw HttpFailure.unknownPartition(topic.name(), record.partition(), partitions);
                }
                records.add(record);
                results.add(null);
            } catch (HttpFailure e) {
                results.add(new Streamed(null, null, e));
            }
        }
        return writing.write(topic, records).thenApply(reports -> {
            int next = 0;
            for (int i = 0; i < results.size(); i++) {
                if (results.get(i) == null) {
                    results.set(i, new Streamed(records.get(next).record(), reports.get(next), null));
                    next++;
                }
            }
            return results;
        });
    }

    private static ByteString lines(List<Streamed> all, Shown shown) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (Streamed one : all) {
            text.writeBytes(Json.bytes(json -> shown.write(json, one)));
            text.write('\n');
        }
        return ByteString.fromArrayUnsafe(text.toByteArray());
    }
}
