package io.troupe.group;

import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroupMember;

/** How a group looks from outside. What members say and own is told only of a Stable group: otherwise it is in motion. */
final class GroupDescription {
    private GroupDescription() {}

    static DescribedGroup of(ClassicGroup group, GroupMembers members, String protocol) {
        boolean stable = group.state() == ClassicGroup.State.STABLE;
        DescribedGroup described = new DescribedGroup()
                .setGroupId(group.committed().groupId())
                .setGroupState(group.state().text)
                .setProtocolType(group.protocolType())
                .setProtocolData(stable ? protocol : "");
        for (GroupMember m : members.all()) {
            described
                    .members()
                    .add(new DescribedGroupMember()
                            .setMemberId(m.memberId)
                            .setGroupInstanceId(m.groupInstanceId)
                            .setClientId(m.clientId)
                            .setClientHost(m.clientHost)
                            .setMemberMetadata(stable ? m.metadata(protocol) : GroupMember.NOTHING)
                            .setMemberAssignment(stable ? m.assignment : GroupMember.NOTHING));
        }
        return described;
    }
}
