package io.troupe.http;

import com.fasterxml.jackson.core.JsonGenerator;
import io.troupe.metadata.TopicImage;
import io.troupe.record.PlainRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.javadsl.JsonFraming;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Writing records: a batch in one JSON object as REST Proxy v2 has it, or a stream of records ({@code application/x-ndjson}) that is
 * answered line by line, and read from the socket no faster than it is written.
 */
final class ProduceRoutes {
    /** Records of a stream that gather while those before them are written. */
    private static final int STREAM_BATCH_BYTES = 256 << 10;

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
                .thenApplyAsync(body -> NewRecord.list(body, format, System.currentTimeMillis()), executor)
                .thenCompose(records -> topics.forProducing(exchange.path("topic"))
                        .thenComposeAsync(
                                topic -> answer(exchange, topic, to(exchange, topic, records, toPartition), async),
                                executor));
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
            return CompletableFuture.completedFuture(HttpResponse.create().withStatus(204));
        }
        return written.thenApply(reports -> exchange.json(200, json -> {
            json.writeStartObject();
            json.writeArrayFieldStart("offsets");
            for (RecordWriting.Report report : reports) {
                write(json, report);
            }
            json.writeEndArray();
            json.writeNullField("key_schema_id");
            json.writeNullField("value_schema_id");
            json.writeEndObject();
        }));
    }

    private static void write(JsonGenerator json, RecordWriting.Report report) throws IOException {
        json.writeStartObject();
        json.writeNumberField("partition", report.partition());
        if (report.failure() == null) {
            json.writeNumberField("offset", report.offset());
            json.writeNullField("error_code");
            json.writeNullField("error");
        } else {
            json.writeNullField("offset");
            json.writeNumberField("error_code", report.failure().errorCode());
            json.writeStringField("error", report.failure().getMessage());
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
            return exchange.stream(
                    MediaTypes.LINES,
                    reports(exchange.bytes(), exchange.limits().bodyBytes(), topic, parse, (json, done) -> {
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
            Source<ByteString, ?> bytes,
            int mostRecordBytes,
            TopicImage topic,
            Function<ByteString, NewRecord> parse,
            Shown shown) {
        return bytes.via(JsonFraming.objectScanner(mostRecordBytes))
                .batchWeighted(STREAM_BATCH_BYTES, text -> (long) text.size(), ProduceRoutes::first, (all, next) -> {
                    all.add(next);
                    return all;
                })
                .mapAsync(1, all -> CompletableFuture.supplyAsync(() -> writeAll(topic, all, parse), executor)
                        .thenCompose(written -> written))
                .map(all -> lines(all, shown))
                .recover(new org.apache.pekko.japi.pf.PFBuilder<Throwable, ByteString>()
                        .matchAny(failure -> lines(List.of(new Streamed(null, null, streamFailure(failure))), shown))
                        .build())
                .mapMaterializedValue(value -> NotUsed.getInstance());
    }

    private static List<ByteString> first(ByteString text) {
        List<ByteString> list = new ArrayList<>();
        list.add(text);
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
            TopicImage topic, List<ByteString> texts, Function<ByteString, NewRecord> parse) {
        List<Streamed> results = new ArrayList<>();
        List<NewRecord> records = new ArrayList<>();
        int partitions = topic.partitions().size();
        for (ByteString text : texts) {
            try {
                NewRecord record = parse.apply(text);
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
        ByteString text = ByteString.emptyByteString();
        for (Streamed one : all) {
            text = text.concat(ByteString.fromArray(Json.bytes(json -> shown.write(json, one))))
                    .concat(ByteString.fromString("\n"));
        }
        return text.compact();
    }
}
