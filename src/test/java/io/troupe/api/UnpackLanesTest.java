package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.LogConfig;
import io.troupe.config.ServerProperties;
import io.troupe.config.TopicConfigs;
import io.troupe.record.BatchValidator;
import io.troupe.record.UnpackBudget;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
class UnpackLanesTest {
    private static final int SMALL = 10_000;
    private static final UnpackBudget BUDGET = new UnpackBudget(Integer.MAX_VALUE);
    private static final int HEAP = 8 * 100_000;

    private final UnpackLanes lanes = new UnpackLanes(System::currentTimeMillis, HEAP, SMALL, 4 * SMALL);
    private final LinkedBlockingQueue<Object> verdicts = new LinkedBlockingQueue<>();
    private LogConfig config;

    private record Packed(BatchValidator.Valid valid, Runnable room, String thread) {}

    @BeforeEach
    void config(@TempDir Path dir) {
        var broker = ServerProperties.parse(Map.of("broker.id", "1", "log.dirs", dir.toString()))
                .config();
        config = TopicConfigs.effective(
                broker, Map.of("compression.type", "uncompressed", "max.message.bytes", "100000"));
    }

    @AfterEach
    void close() {
        lanes.close();
    }

    private void judge(int valueBytes, int timeoutMs) {
        ByteBuffer batch = MemoryRecords.withRecords(
                        Compression.zstd().build(), new SimpleRecord(System.currentTimeMillis(), new byte[valueBytes]))
                .buffer();
        var unread = assertInstanceOf(
                BatchValidator.Unread.class,
                BatchValidator.validate(batch, config, false, System.currentTimeMillis(), BUDGET));
        lanes.judge(unread, config, BUDGET, timeoutMs, new UnpackLanes.Judged() {
            @Override
            public void valid(BatchValidator.Valid valid, Runnable room) {
                verdicts.add(new Packed(valid, room, Thread.currentThread().getName()));
            }

            @Override
            public void refused(BatchValidator.Refused refused) {
                verdicts.add(refused);
            }
        });
    }

    private <T> T next(Class<T> type) throws InterruptedException {
        return assertInstanceOf(type, verdicts.poll(30, TimeUnit.SECONDS));
    }

    @Test
    void aSmallFrameWithMuchInItIsPackedInTheLargeLane() throws Exception {
        judge(1_000, 30_000);
        assertEquals("unpack-small", next(Packed.class).thread);
        judge(90_000, 30_000);
        Packed large = next(Packed.class);
        assertEquals("unpack-large", large.thread);
        assertTrue(large.valid.batch().remaining() > 90_000);
    }

    @Test
    void whatIsPackedTakesRoomUntilItIsAppendedAndTheOthersWaitOrTimeOut() throws Exception {
        judge(90_000, 30_000);
        Packed first = next(Packed.class);
        judge(90_000, 100);
        assertEquals(
                Errors.REQUEST_TIMED_OUT,
                next(BatchValidator.Refused.class).refusal().error());
        judge(90_000, 30_000);
        judge(1_000, 30_000);
        assertEquals("unpack-small", next(Packed.class).thread, "the small lane goes on");
        assertNull(verdicts.poll(100, TimeUnit.MILLISECONDS));
        first.room.run();
        assertEquals("unpack-large", next(Packed.class).thread);
    }

    @Test
    void whatNoLaneTakesIsTooLarge() throws Exception {
        judge(200_000, 30_000);
        assertEquals(
                Errors.MESSAGE_TOO_LARGE,
                next(BatchValidator.Refused.class).refusal().error());
        judge(90_000, 30_000);
        assertTrue(next(Packed.class).valid.batch().remaining() > 90_000, "the room was given back");
    }
}
