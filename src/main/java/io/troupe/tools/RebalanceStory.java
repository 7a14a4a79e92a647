package io.troupe.tools;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.requests.DescribeGroupsRequest;
import org.apache.kafka.common.requests.DescribeGroupsResponse;

/** Prints what happened to groups, as their coordinators remember it: one event a line, times in this machine's zone. */
final class RebalanceStory {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS");
    /** In a line that a coordinator sends: time, kind, epoch, member, milliseconds taken, text. */
    private static final int FIELDS = 6;

    private final PrintStream out;

    RebalanceStory(PrintStream out) {
        this.out = out;
    }

    void print(Collection<ConsumerGroupDescription> groups) throws IOException {
        for (ConsumerGroupDescription group : groups) {
            out.println("Group " + group.groupId() + " is " + group.groupState() + " with "
                    + group.members().size() + " members, coordinator "
                    + group.coordinator().id() + ":");
            ByteBuffer events;
            try (PlainConnection connection = new PlainConnection(group.coordinator())) {
                events = ask(connection, group.groupId());
            }
            if (events == null) {
                out.println("  its coordinator does not tell what happened");
            } else if (!events.hasRemaining()) {
                out.println("  nothing has happened since its coordinator took over");
            } else {
                StandardCharsets.UTF_8.decode(events).toString().lines().forEach(this::print);
            }
        }
    }

    private static ByteBuffer ask(PlainConnection connection, String group) throws IOException {
        DescribeGroupsRequestData asked = new DescribeGroupsRequestData().setGroups(List.of(group));
        asked.unknownTaggedFields().add(new RawTaggedField(PlainConnection.TAG, new byte[0]));
        DescribeGroupsResponse answer = (DescribeGroupsResponse)
                connection.exchange(ApiKeys.DESCRIBE_GROUPS, (short) 5, new DescribeGroupsRequest.Builder(asked));
        return PlainConnection.tagged(answer.data().groups().get(0).unknownTaggedFields());
    }

    private void print(String line) {
        String[] event = line.split("\t", -1);
        if (event.length < FIELDS) {
            return;
        }
        String time = TIME.format(Instant.ofEpochMilli(Long.parseLong(event[0])).atZone(ZoneId.systemDefault()));
        String what = event[1].toLowerCase(Locale.ROOT).replace('_', ' ');
        StringBuilder text = new StringBuilder(String.format("  %s  %4s  %-12s", time, event[2], what));
        if (!event[3].isEmpty()) {
            text.append("  ").append(event[3]);
        }
        if (!event[4].startsWith("-")) {
            text.append("  ").append(event[4]).append(" ms");
        }
        if (!event[5].isEmpty()) {
            text.append("  ").append(event[5]);
        }
        out.println(text);
    }
}
