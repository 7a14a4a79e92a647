package io.troupe.group;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The last events of a group, oldest first, in memory of its coordinator only. Immutable.
 *
 * <p>They travel as UTF-8 text, a line for each: time, kind, epoch, member, milliseconds taken, text, with a tab between
 * two. Further fields may come to stand behind them.
 */
public record GroupEvents(List<GroupEvent> list) {
    static final int MOST = 50;
    static final GroupEvents NONE = new GroupEvents(List.of());

    public GroupEvents {
        list = List.copyOf(list);
    }

    GroupEvents with(GroupEvent event) {
        List<GroupEvent> more = new ArrayList<>(list.subList(Math.max(0, list.size() + 1 - MOST), list.size()));
        more.add(event);
        return new GroupEvents(more);
    }

    /** Partitions as "0-2,5". */
    static String runs(Collection<Integer> partitions) {
        List<Integer> sorted = partitions.stream().sorted().toList();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < sorted.size(); i++) {
            int first = i;
            while (i + 1 < sorted.size() && sorted.get(i + 1) == sorted.get(i) + 1) {
                i++;
            }
            text.append(text.length() == 0 ? "" : ",").append(sorted.get(first));
            text.append(i == first ? "" : "-" + sorted.get(i));
        }
        return text.toString();
    }

    public byte[] toBytes() {
        StringBuilder text = new StringBuilder();
        for (GroupEvent e : list) {
            text.append(e.timeMs()).append('\t').append(e.kind()).append('\t').append(e.epoch());
            text.append('\t').append(e.member()).append('\t').append(e.tookMs());
            text.append('\t').append(e.text()).append('\n');
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }
}
