package io.troupe.protocol;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SelectionKey;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.network.TransferableChannel;
import org.apache.kafka.common.network.TransportLayer;
import org.apache.kafka.common.record.internal.RecordsSend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A batch that goes from its file to the socket through a piece of {@link #PIECE_BYTES} at a time. The pieces are read by
 * threads that may wait for the disk, and meanwhile the connection asks for no turn of its network thread: so a slow disk
 * holds up nobody else.
 *
 * <p>The file is this batch's own and is closed when its last piece was read, or by {@link #close} when the answer goes
 * nowhere. Closing may wait for the disk as well (the file may be a deleted one's last name), so it happens on the same
 * threads.
 *
 * <pre>
 * EMPTY --a turn of the network thread--> LOADING --read--> READY --all of it sent--> EMPTY or done
 * </pre>
 *
 * The monitor guards the state; nothing slow happens within it.
 */
final class FileBatch implements AnswerRecords {
    static final int PIECE_BYTES = 256 << 10;
    private static final Logger log = LoggerFactory.getLogger(FileBatch.class);

    private final FileChannel file;
    private final long position;
    private final int sizeInBytes;
    private final Executor reads;

    // Runs a task on the network thread that sends this; set before it is sent.
    private Executor networkThread = Runnable::run;
    // The connection that waits for a piece; of the network thread.
    private TransportLayer waiting;

    private ByteBuffer piece;
    private int loadedBytes;
    private boolean ready;
    private boolean loading;
    private boolean closed;
    private boolean fileClosed;
    private IOException failure;

    /** @param reads threads that may wait for the disk */
    FileBatch(FileChannel file, long position, int sizeInBytes, Executor reads) {
        this.file = file;
        this.position = position;
        this.sizeInBytes = sizeInBytes;
        this.reads = reads;
    }

    @Override
    public int sizeInBytes() {
        return sizeInBytes;
    }

    @Override
    public int heldBytes() {
        return 0;
    }

    @Override
    public void sentOn(Executor thread) {
        networkThread = thread;
    }

    @Override
    public RecordsSend<FileBatch> toSend() {
        return new RecordsSend<>(this, sizeInBytes) {
            @Override
            protected int writeTo(TransferableChannel channel, int previouslyWritten, int remaining)
                    throws IOException {
                return write(channel);
            }
        };
    }

    /**
     * A copy in plain memory, for an answer that is not sent; once, and before {@link #close}.
     *
     * @return fails with RecordTooLargeException when it has more than {@code mostBytes}
     */
    CompletionStage<ByteBuffer> toHeap(int mostBytes) {
        if (sizeInBytes > mostBytes) {
            return CompletableFuture.failedFuture(new RecordTooLargeException(
                    "a batch of " + sizeInBytes + " bytes; " + mostBytes + " are taken into memory at most"));
        }
        try {
            return CompletableFuture.supplyAsync(this::readAll, reads);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(new IOException("the broker stops", e));
        }
    }

    private ByteBuffer readAll() {
        ByteBuffer all = ByteBuffer.allocate(sizeInBytes);
        try {
            while (all.hasRemaining()) {
                if (file.read(all, position + all.position()) < 0) {
                    throw new EOFException("a segment has become shorter while it was read");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all.flip();
    }

    /** On the network thread. */
    private int write(TransferableChannel channel) throws IOException {
        ByteBuffer next = takePiece();
        if (next == null) {
            // Else a socket with room would keep the thread busy until the piece has come.
            if (channel instanceof TransportLayer transport) {
                waiting = transport;
                transport.removeInterestOps(SelectionKey.OP_WRITE);
            }
            return 0;
        }
        int written = channel.write(next);
        if (!next.hasRemaining()) {
            sent();
        }
        return written;
    }

    /** The piece to be sent; null when it must be awaited. */
    private synchronized ByteBuffer takePiece() throws IOException {
        if (failure != null) {
            throw new IOException("a segment cannot be read while it is sent", failure);
        }
        if (closed) {
            throw new IOException("the answer was given up");
        }
        if (ready) {
            return piece;
        }
        if (!loading) {
            startLoading();
        }
        return null;
    }

    private void startLoading() throws IOException {
        loading = true;
        try {
            reads.execute(this::load);
        } catch (RejectedExecutionException e) {
            loading = false;
            throw new IOException("the broker stops", e);
        }
    }

    private synchronized void sent() {
        ready = false;
        if (loadedBytes == sizeInBytes) {
            piece = null;
        }
    }

    /** On a thread that may wait for the disk. */
    private void load() {
        ByteBuffer loaded = null;
        IOException problem = null;
        try {
            loaded = nextPiece();
        } catch (IOException e) {
            problem = e;
        } catch (RuntimeException | OutOfMemoryError e) {
            problem = new IOException(e);
        }
        boolean last;
        synchronized (this) {
            loading = false;
            failure = problem;
            piece = closed ? null : loaded;
            loadedBytes += loaded == null ? 0 : loaded.limit();
            ready = loaded != null;
            last = closed || failure != null || loadedBytes == sizeInBytes;
        }
        if (last) {
            closeFile();
        }
        networkThread.execute(this::resume);
    }

    private ByteBuffer nextPiece() throws IOException {
        ByteBuffer buffer = piece == null ? ByteBuffer.allocate(Math.min(PIECE_BYTES, sizeInBytes)) : piece;
        buffer.clear().limit(Math.min(buffer.capacity(), sizeInBytes - loadedBytes));
        while (buffer.hasRemaining()) {
            if (file.read(buffer, position + loadedBytes + buffer.position()) < 0) {
                throw new EOFException("a segment has become shorter while it was sent");
            }
        }
        return buffer.flip();
    }

    /** On the network thread. */
    private void resume() {
        TransportLayer transport = waiting;
        waiting = null;
        if (transport != null && transport.selectionKey().isValid()) {
            transport.addInterestOps(SelectionKey.OP_WRITE);
        }
    }

    /** What was not sent yet never will be. Any thread; does nothing the second time. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            if (loading) {
                // Whoever reads it closes it.
                return;
            }
            piece = null;
            if (fileClosed) {
                return;
            }
        }
        try {
            reads.execute(this::closeFile);
        } catch (RejectedExecutionException e) {
            closeFile();
        }
    }

    private void closeFile() {
        synchronized (this) {
            if (fileClosed) {
                return;
            }
            fileClosed = true;
        }
        try {
            file.close();
        } catch (IOException e) {
            // Nothing was written through it: a failed close loses nothing.
            log.debug("close", e);
        }
    }
}
