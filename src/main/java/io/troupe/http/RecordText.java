package io.troupe.http;

import io.troupe.record.PlainRecord;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.pekko.util.ByteString;

/**
 * The text of records as consumers get them, {@code {topic,key,value,partition,offset,timestamp,headers}}, in one array that grows: what is
 * there as bytes is copied once, and to nothing but its place. For one thread.
 */
final class RecordText {
    private static final byte[] TOPIC = ascii("{\"topic\":");
    private static final byte[] KEY = ascii(",\"key\":");
    private static final byte[] VALUE = ascii(",\"value\":");
    private static final byte[] PARTITION = ascii(",\"partition\":");
    private static final byte[] OFFSET = ascii(",\"offset\":");
    private static final byte[] TIMESTAMP = ascii(",\"timestamp\":");
    private static final byte[] HEADERS = ascii(",\"headers\":[");
    private static final byte[] NAME = ascii("{\"name\":");
    private static final byte[] END = ascii("]}");
    private static final byte[] NULL = ascii("null");
    private static final byte[] HEX = ascii("0123456789ABCDEF");
    private static final int MOST_DIGITS = 20;
    private static final int MOST_ESCAPE_BYTES = 6;
    /** The steps of the usual size are shorter. */
    private static final int MOST_UNDIVIDED_BYTES = 512 << 10;

    private static final int PIECE_BYTES = 64 << 10;
    /** Of a record's text, about, beyond its topic and what it counts for itself. */
    private static final int FIELDS_BYTES = 120;
    /** As objects, of a record beyond its bytes, and of a header, which may have no bytes at all. */
    private static final int RECORD_BYTES = 120;

    private static final int HEADER_BYTES = 100;
    /** Of a header's text beyond what it counts for itself. */
    private static final int HEADER_TEXT_BYTES = 16;

    private final RecordFormat format;
    private byte[] text;
    private int length;

    /** @param expectedBytes for which there is room from the start */
    RecordText(RecordFormat format, int expectedBytes) {
        this.format = format;
        this.text = new byte[Math.max(MOST_DIGITS, expectedBytes)];
    }

    /** How long some records' text most likely is: no longer, in most cases, and not much shorter. To grow costs more than all the copying else. */
    static int expectedBytes(RecordFormat format, int topicChars, long recordBytes, int records, int most) {
        long values = format == RecordFormat.BINARY ? recordBytes * 4 / 3 : recordBytes;
        return (int) Math.min(most, values + (long) (FIELDS_BYTES + topicChars) * records);
    }

    /** What a step of an answer is counted with: its records, their text, and the text before it or pieces of it ({@link #pieces}) on their way. */
    static long heldBytes(RecordFormat format, int topicChars, List<PlainRecord> records) {
        long bytes = 0;
        long text = 0;
        for (PlainRecord record : records) {
            bytes += objectBytes(record);
            text += record.sizeInBytes() + growth(format, record.key()) + growth(format, record.value());
            text += FIELDS_BYTES + topicChars;
            for (PlainRecord.Header header : record.headers()) {
                text += HEADER_TEXT_BYTES
                        + (long) (MOST_ESCAPE_BYTES / 2) * header.name().length()
                        + growth(RecordFormat.BINARY, header.value());
            }
        }
        return bytes + 2 * text;
    }

    /** What records alone take, as they are in memory. */
    static long objectBytes(List<PlainRecord> records) {
        long bytes = 0;
        for (PlainRecord record : records) {
            bytes += objectBytes(record);
        }
        return bytes;
    }

    private static long objectBytes(PlainRecord record) {
        return RECORD_BYTES
                + record.sizeInBytes()
                + (long) HEADER_BYTES * record.headers().size();
    }

    /**
     * A long text in copies of parts of it, each made when it is asked for. The streams on the way to the socket take several elements ahead,
     * whose memory nobody counts once the last one was taken.
     */
    static Iterable<ByteString> pieces(ByteString text) {
        if (text.size() <= MOST_UNDIVIDED_BYTES) {
            return List.of(text);
        }
        return () -> IntStream.iterate(0, from -> from < text.size(), from -> from + PIECE_BYTES)
                .<ByteString>mapToObj(from -> text.slice(from, Math.min(text.size(), from + PIECE_BYTES))
                        .compact())
                .iterator();
    }

    /** By how much bytes are longer as text. */
    private static long growth(RecordFormat format, byte[] bytes) {
        if (bytes == null || format == RecordFormat.JSON) {
            return 0;
        }
        if (format == RecordFormat.BINARY) {
            return bytes.length / 3;
        }
        long escapes = 0;
        for (byte b : bytes) {
            if (b == '"' || b == '\\' || b >= 0 && b < ' ') {
                escapes++;
            }
        }
        return escapes * (MOST_ESCAPE_BYTES - 1);
    }

    int length() {
        return length;
    }

    RecordText add(byte[] bytes) {
        put(bytes, 0, bytes.length);
        return this;
    }

    /** @param record whose key and value the format can show */
    RecordText record(String topic, int partition, PlainRecord record) {
        add(TOPIC);
        string(topic.getBytes(StandardCharsets.UTF_8));
        add(KEY);
        value(format, record.key());
        add(VALUE);
        value(format, record.value());
        number(PARTITION, partition);
        number(OFFSET, record.offset());
        number(TIMESTAMP, record.timestampMs());
        add(HEADERS);
        String before = "";
        for (PlainRecord.Header header : record.headers()) {
            add(ascii(before)).add(NAME);
            string(header.name().getBytes(StandardCharsets.UTF_8));
            add(VALUE);
            value(RecordFormat.BINARY, header.value());
            put('}');
            before = ",";
        }
        return add(END);
    }

    private void value(RecordFormat shown, byte[] bytes) {
        if (bytes == null) {
            add(NULL);
        } else if (shown == RecordFormat.JSON) {
            add(bytes);
        } else if (shown == RecordFormat.TEXT) {
            string(bytes);
        } else {
            put('"');
            add(Base64.getEncoder().encode(bytes));
            put('"');
        }
    }

    private void string(byte[] utf8) {
        put('"');
        int from = 0;
        for (int i = 0; i < utf8.length; i++) {
            byte b = utf8[i];
            if (b == '"' || b == '\\' || b >= 0 && b < ' ') {
                put(utf8, from, i - from);
                escape(b);
                from = i + 1;
            }
        }
        put(utf8, from, utf8.length - from);
        put('"');
    }

    private void escape(byte b) {
        room(MOST_ESCAPE_BYTES);
        put('\\');
        switch (b) {
            case '"', '\\' -> put((char) b);
            case '\b' -> put('b');
            case '\f' -> put('f');
            case '\n' -> put('n');
            case '\r' -> put('r');
            case '\t' -> put('t');
            default -> {
                add(ascii("u00"));
                put((char) HEX[b >> 4]);
                put((char) HEX[b & 0xf]);
            }
        }
    }

    private void number(byte[] name, long number) {
        add(name);
        if (number < 0) {
            add(ascii(Long.toString(number)));
            return;
        }
        room(MOST_DIGITS);
        int digits = 1;
        for (long rest = number; rest > 9; rest /= 10) {
            digits++;
        }
        length += digits;
        long rest = number;
        for (int at = length - 1; digits > 0; digits--) {
            text[at--] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
    }

    private void put(char one) {
        room(1);
        text[length++] = (byte) one;
    }

    private void put(byte[] bytes, int from, int count) {
        room(count);
        System.arraycopy(bytes, from, text, length, count);
        length += count;
    }

    private void room(int bytes) {
        if (bytes > text.length - length) {
            text = Arrays.copyOf(text, Math.max(Math.addExact(length, bytes), (int)
                    Math.min(Integer.MAX_VALUE - 8, 2L * text.length)));
        }
    }

    /** JSON that somebody else wrote may have line breaks between its parts; from a place on they become blanks. */
    void onOneLine(int from) {
        for (int i = from; i < length; i++) {
            if (text[i] == '\n' || text[i] == '\r') {
                text[i] = ' ';
            }
        }
    }

    /** All of it, without a copy; nothing can be added any more. */
    ByteString toByteString() {
        return ByteString.fromArrayUnsafe(text, 0, length);
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
