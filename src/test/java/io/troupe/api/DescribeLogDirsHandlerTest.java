package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.troupe.journal.LogDirUsage;
import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DescribeLogDirsRequestData;
import org.apache.kafka.common.message.DescribeLogDirsRequestData.DescribableLogDirTopic;
import org.apache.kafka.common.message.DescribeLogDirsRequestData.DescribableLogDirTopicCollection;
import org.apache.kafka.common.message.DescribeLogDirsResponseData;
import org.apache.kafka.common.message.DescribeLogDirsResponseData.DescribeLogDirsResult;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

class DescribeLogDirsHandlerTest {
    private final OneTopic cluster = new OneTopic(null, null);
    private final List<LogDirUsage> usage = List.of(
            new LogDirUsage(
                    Path.of("/a"),
                    false,
                    List.of(
                            new LogDirUsage.Log(OneTopic.TOPIC_ID, 0, 700),
                            new LogDirUsage.Log(OneTopic.TOPIC_ID, 1, 800),
                            new LogDirUsage.Log(Uuid.randomUuid(), 0, 900)),
                    2_000,
                    1_000),
            new LogDirUsage(Path.of("/b"), true, List.of(), -1, -1));

    private DescribeLogDirsResponseData answer(int version, DescribableLogDirTopicCollection topics) {
        FakeContext context = new FakeContext(ApiKeys.DESCRIBE_LOG_DIRS, version);
        new DescribeLogDirsHandler(cluster.metadata, () -> usage, Runnable::run)
                .handle(context, new DescribeLogDirsRequestData().setTopics(topics));
        return context.answer();
    }

    private static List<String> partitions(DescribeLogDirsResult dir) {
        return dir.topics().stream()
                .flatMap(topic -> topic.partitions().stream()
                        .map(p -> topic.name() + "-" + p.partitionIndex() + "=" + p.partitionSize()))
                .toList();
    }

    @Test
    void tellsEachDirWithAllThatHasAName() {
        DescribeLogDirsResponseData answer = answer(4, null);

        assertEquals(2, answer.results().size());
        DescribeLogDirsResult sound = answer.results().get(0);
        assertEquals("/a", sound.logDir());
        assertEquals(Errors.NONE.code(), sound.errorCode());
        assertEquals(List.of("t-0=700", "t-1=800"), partitions(sound));
        assertEquals(2_000, sound.totalBytes());
        assertEquals(1_000, sound.usableBytes());
    }

    @Test
    void aDirOutOfServiceIsAStorageErrorWithoutPartitions() {
        DescribeLogDirsResult failed = answer(4, null).results().get(1);

        assertEquals("/b", failed.logDir());
        assertEquals(Errors.KAFKA_STORAGE_ERROR.code(), failed.errorCode());
        assertEquals(List.of(), partitions(failed));
    }

    @Test
    void onlyThePartitionsAskedForAndNoUnknownOnes() {
        DescribableLogDirTopicCollection wanted = new DescribableLogDirTopicCollection();
        wanted.add(new DescribableLogDirTopic().setTopic("t").setPartitions(List.of(1, 77)));
        wanted.add(new DescribableLogDirTopic().setTopic("unknown").setPartitions(List.of(0)));

        assertEquals(List.of("t-1=800"), partitions(answer(1, wanted).results().get(0)));
        assertEquals(
                List.of(),
                partitions(answer(1, new DescribableLogDirTopicCollection())
                        .results()
                        .get(0)));
    }
}
