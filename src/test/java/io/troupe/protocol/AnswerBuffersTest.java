package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.FetchableTopicResponse;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The memory of answers: lent once, taken back once, never in two hands. */
@Timeout(600)
class AnswerBuffersTest {
    private static final int VERSION = 12;
    private static final int LEAST = AnswerBuffers.LEAST_BYTES;

    private final AnswerBuffers buffers = new AnswerBuffers(3L * LEAST);

    @Test
    void whatWentBackIsLentAgainWithTheSizeAskedFor() {
        ByteBuffer first = lendAndReturn(LEAST + 1);
        assertEquals(2 * LEAST, first.capacity());
        AnswerBuffers.Loan loan = buffers.loan();
        ByteBuffer second = loan.apply(LEAST + 100);
        assertSame(first, second);
        assertEquals(0, second.position());
        assertEquals(LEAST + 100, second.limit());
        assertNotSame(second, buffers.loan().apply(LEAST + 100), "lent to another meanwhile");
    }

    @Test
    void smallAndHugeOnesAreOfTheHeap() {
        for (int bytes : new int[] {0, 1, LEAST - 1, AnswerBuffers.MOST_BYTES + 1}) {
            ByteBuffer buffer = lendAndReturn(bytes);
            assertFalse(buffer.isDirect(), bytes + " bytes");
            assertEquals(bytes, buffer.remaining());
        }
        for (int bytes : new int[] {LEAST, AnswerBuffers.MOST_BYTES}) {
            assertEquals(bytes, lendAndReturn(bytes).capacity());
        }
        assertEquals(LEAST, buffers.keptBytes(), "the largest is more than may be kept");
    }

    @Test
    void noMoreIsKeptThanAllowed() {
        AnswerBuffers.Loan[] loans = new AnswerBuffers.Loan[5];
        for (int i = 0; i < loans.length; i++) {
            loans[i] = buffers.loan();
            loans[i].apply(LEAST);
        }
        assertEquals(0, buffers.keptBytes());
        for (AnswerBuffers.Loan loan : loans) {
            loan.close();
        }
        assertEquals(3 * LEAST, buffers.keptBytes());
    }

    @Test
    void aReadThatBeginsAnewOrFailsGivesBackWhatItHad() {
        try (AnswerBuffers.Loan loan = buffers.loan()) {
            ByteBuffer first = loan.apply(LEAST);
            assertSame(first, loan.apply(LEAST), "begun anew");
        }
        assertEquals(LEAST, buffers.keptBytes());
    }

    @Test
    void anAnswersRecordsGoBackOnceWhenItIsGone() throws IOException {
        PartitionData partition = new PartitionData();
        try (AnswerBuffers.Loan loan = buffers.loan()) {
            ByteBuffer read = loan.apply(LEAST).putInt(42).putInt(43).flip();
            RecordsField.set(partition, read, loan);
        }
        assertEquals(0, buffers.keptBytes(), "the answer has them");
        LentBatches records = assertInstanceOf(LentBatches.class, partition.records());
        assertEquals(8, records.sizeInBytes());
        records.close();
        records.close();
        assertEquals(LEAST, buffers.keptBytes());
        assertThrows(IOException.class, () -> records.toSend().writeTo(null), "not from memory that is another's");
    }

    @Test
    void answersFromTheSameMemoryArriveEachWithItsOwnBytes() throws Exception {
        LinkedBlockingQueue<RequestContext> fetches = new LinkedBlockingQueue<>();
        ToyHandler<FetchRequestData> fetch = ToyHandler.of(ApiKeys.FETCH, (context, request) -> fetches.add(context));
        byte[] content = new byte[2 * LEAST];
        try (TestServer server = new TestServer(fetch);
                RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 20; i++) {
                client.send(ApiKeys.FETCH, VERSION, i, new FetchRequestData());
                Arrays.fill(content, (byte) i);
                fetches.poll(30, TimeUnit.SECONDS).respond(answer(buffers, content));
                ByteBuffer received = client.receive();
                assertEquals(i, received.getInt());
                // One byte of tagged fields ends the partition, the topic and the answer.
                assertEquals(
                        ByteBuffer.wrap(content),
                        received.slice(received.limit() - 3 - content.length, content.length));
            }
        }
        assertEquals(content.length, buffers.keptBytes(), "one buffer was enough");
    }

    @Test
    void whoVanishesInTheMiddleOfOneKeepsNoMemory() throws Exception {
        LinkedBlockingQueue<RequestContext> fetches = new LinkedBlockingQueue<>();
        ToyHandler<FetchRequestData> fetch = ToyHandler.of(ApiKeys.FETCH, (context, request) -> fetches.add(context));
        AnswerBuffers large = new AnswerBuffers(1 << 30);
        // More than the buffers of two sockets hold, together.
        byte[][] contents = new byte[8][AnswerBuffers.MOST_BYTES];
        try (TestServer server = new TestServer(fetch)) {
            try (RawClient client = new RawClient(server.port())) {
                client.send(ApiKeys.FETCH, VERSION, 1, new FetchRequestData());
                fetches.poll(30, TimeUnit.SECONDS).respond(answer(large, contents));
                client.skip(AnswerBuffers.MOST_BYTES / 4);
            }
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (large.keptBytes() < (long) contents.length * AnswerBuffers.MOST_BYTES) {
                assertTrue(System.nanoTime() < deadline, large.keptBytes() + " bytes came back");
                Thread.onSpinWait();
            }
        }
    }

    private static FetchResponseData answer(AnswerBuffers from, byte[]... contents) {
        List<PartitionData> partitions = new ArrayList<>();
        for (byte[] content : contents) {
            PartitionData partition = new PartitionData();
            try (AnswerBuffers.Loan loan = from.loan()) {
                RecordsField.set(
                        partition, loan.apply(content.length).put(content).flip(), loan);
            }
            partitions.add(partition);
        }
        return new FetchResponseData()
                .setResponses(List.of(new FetchableTopicResponse().setTopic("t").setPartitions(partitions)));
    }

    @Test
    void nothingReadIsNothingLent() {
        PartitionData partition = new PartitionData();
        try (AnswerBuffers.Loan loan = buffers.loan()) {
            RecordsField.set(partition, loan.apply(LEAST).limit(0), loan);
        }
        assertSame(MemoryRecords.EMPTY, partition.records());
        assertEquals(LEAST, buffers.keptBytes());
    }

    private ByteBuffer lendAndReturn(int bytes) {
        try (AnswerBuffers.Loan loan = buffers.loan()) {
            return loan.apply(bytes);
        }
    }
}
