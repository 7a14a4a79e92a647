package io.troupe.http;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Whether bytes are text in UTF-8 (RFC 3629), without decoding them. */
final class Utf8 {
    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final long HIGH_BITS = 0x8080808080808080L;
    /** Looked at by one call: what is called often is compiled soon, one loop over all of a body late. */
    private static final int BLOCK_BYTES = 512;

    private Utf8() {}

    /** @param to exclusive */
    static boolean isValid(byte[] text, int from, int to) {
        int at = from;
        while (at >= 0 && at < to) {
            at = behindBlock(text, at, Math.min(BLOCK_BYTES, to - at), to);
        }
        return at >= 0;
    }

    /** @return behind the last character that begins in so many bytes, or -1 when one of them is none */
    private static int behindBlock(byte[] text, int from, int bytes, int to) {
        int end = from + bytes;
        int at = from;
        while (at < end) {
            if (at <= end - Long.BYTES && ((long) EIGHT.get(text, at) & HIGH_BITS) == 0) {
                at += Long.BYTES;
            } else if (text[at] >= 0) {
                at++;
            } else {
                int length = length(text, at, to);
                if (length == 0) {
                    return -1;
                }
                at += length;
            }
        }
        return at;
    }

    /** Bytes of the character at a place that is not ASCII; 0 when it is none: too long a form, half a surrogate pair, beyond 10FFFF or cut off. */
    static int length(byte[] text, int at, int to) {
        int first = text[at] & 0xff;
        int length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        if (length == 0 || length > to - at) {
            return 0;
        }
        int second = text[at + 1] & 0xff;
        int least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        int most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (second < least || second > most) {
            return 0;
        }
        for (int i = at + 2; i < at + length; i++) {
            if ((text[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }
}
