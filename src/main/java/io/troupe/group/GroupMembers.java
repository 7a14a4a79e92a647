package io.troupe.group;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.protocol.Errors;

/**
 * The members of a classic group, in the order they joined: who they are, who leads, and what they all understand. Every
 * static member (KIP-345) is in {@code members} under the id that its instance holds now.
 */
final class GroupMembers {
    private final Map<String, GroupMember> members = new LinkedHashMap<>();
    private final Map<String, String> idsByInstance = new HashMap<>();
    private String leader;

    GroupMember get(String memberId) {
        return members.get(memberId);
    }

    boolean has(String memberId) {
        return members.containsKey(memberId);
    }

    /** The static member that holds an instance id, or null. */
    GroupMember ofInstance(String groupInstanceId) {
        String id = groupInstanceId == null ? null : idsByInstance.get(groupInstanceId);
        return id == null ? null : members.get(id);
    }

    Collection<GroupMember> all() {
        return members.values();
    }

    int size() {
        return members.size();
    }

    boolean isEmpty() {
        return members.isEmpty();
    }

    /** Null when there are no members. */
    String leader() {
        return leader;
    }

    boolean isLeader(GroupMember member) {
        return member.memberId.equals(leader);
    }

    /** The first to come leads. */
    void add(GroupMember member) {
        members.put(member.memberId, member);
        if (member.groupInstanceId != null) {
            idsByInstance.put(member.groupInstanceId, member.memberId);
        }
        if (leader == null) {
            leader = member.memberId;
        }
    }

    void lead(String memberId) {
        leader = memberId;
    }

    void remove(GroupMember member) {
        members.remove(member.memberId);
        if (member.groupInstanceId != null) {
            idsByInstance.remove(member.groupInstanceId, member.memberId);
        }
        if (isLeader(member)) {
            leader = members.isEmpty() ? null : members.keySet().iterator().next();
        }
    }

    /** Gives a static member another id, in the same place and role. */
    void rename(GroupMember member, String newId) {
        boolean led = isLeader(member);
        List<GroupMember> inOrder = new ArrayList<>(members.values());
        members.clear();
        member.memberId = newId;
        inOrder.forEach(m -> members.put(m.memberId, m));
        idsByInstance.put(member.groupInstanceId, newId);
        if (led) {
            leader = newId;
        }
    }

    /** Whether a request may speak for a member: known, and not fenced by another process with the same instance id. */
    Errors check(String memberId, String groupInstanceId) {
        if (groupInstanceId != null) {
            String holder = idsByInstance.get(groupInstanceId);
            if (holder == null) {
                return Errors.UNKNOWN_MEMBER_ID;
            }
            if (!holder.equals(memberId)) {
                return Errors.FENCED_INSTANCE_ID;
            }
        }
        return has(memberId) ? Errors.NONE : Errors.UNKNOWN_MEMBER_ID;
    }

    int awaitingJoin() {
        int count = 0;
        for (GroupMember member : members.values()) {
            if (member.join != null) {
                count++;
            }
        }
        return count;
    }

    /** The longest that any of them needs to come back. */
    int rebalanceTimeoutMs() {
        int longest = 0;
        for (GroupMember member : members.values()) {
            longest = Math.max(longest, member.rebalanceTimeoutMs);
        }
        return longest;
    }

    /** The leader, if it has rejoined, or else the first that has, which then leads; false when none has. */
    boolean electAmongJoined() {
        GroupMember current = leader == null ? null : members.get(leader);
        if (current != null && current.join != null) {
            return true;
        }
        for (GroupMember member : members.values()) {
            if (member.join != null) {
                leader = member.memberId;
                return true;
            }
        }
        return false;
    }

    /** Names of the protocols that all members support, except {@code without} (null for none). */
    private Set<String> common(GroupMember without) {
        Set<String> common = null;
        for (GroupMember member : members.values()) {
            if (member == without) {
                continue;
            }
            Set<String> names = new LinkedHashSet<>();
            member.protocols.forEach(p -> names.add(p.name()));
            if (common == null) {
                common = names;
            } else {
                common.retainAll(names);
            }
        }
        return common;
    }

    /** Whether someone who offers these protocols, alone or in place of {@code replaced}, leaves one that all support. */
    boolean understands(List<GroupMember.Protocol> offered, GroupMember replaced) {
        Set<String> common = common(replaced);
        return common == null || offered.stream().anyMatch(p -> common.contains(p.name()));
    }

    /**
     * The protocol with the most votes: each member votes for the first of its own that all support. A tie goes to the
     * one voted for first. Null when they have none in common.
     */
    String vote() {
        Set<String> common = common(null);
        Map<String, Integer> votes = new LinkedHashMap<>();
        for (GroupMember member : members.values()) {
            for (GroupMember.Protocol p : member.protocols) {
                if (common.contains(p.name())) {
                    votes.merge(p.name(), 1, Integer::sum);
                    break;
                }
            }
        }
        String winner = null;
        for (Map.Entry<String, Integer> candidate : votes.entrySet()) {
            if (winner == null || candidate.getValue() > votes.get(winner)) {
                winner = candidate.getKey();
            }
        }
        return winner;
    }
}
