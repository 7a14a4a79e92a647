package io.troupe.group;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.Errors;

/** What is asked of one group. Topics are named, and known to exist, when a request gets here. */
sealed interface GroupRequest {
    String groupId();

    /** Answers with an error. */
    void refuse(Errors error);

    /** Answers that the coordinator has yet to load its groups. */
    default void refuseWhileLoading() {
        refuse(Errors.COORDINATOR_LOAD_IN_PROGRESS);
    }

    record Join(GroupService.Caller caller, JoinGroupRequestData data, Reply<JoinGroupResponseData> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return data.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(refusal(error, data.memberId(), caller.apiVersion()));
        }

        /** Before v7 the protocol's name may not be null. */
        static JoinGroupResponseData refusal(Errors error, String memberId, short version) {
            return new JoinGroupResponseData()
                    .setErrorCode(error.code())
                    .setProtocolName(version >= 7 ? null : "")
                    .setMemberId(memberId);
        }
    }

    record Sync(
            GroupService.Caller caller,
            SyncGroupRequestData data,
            AnswerHold<SyncGroupResponseData> hold,
            Reply<SyncGroupResponseData> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return data.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(new SyncGroupResponseData().setErrorCode(error.code()));
        }

        /** Clients do not expect the usual error here and give up; a rebalance that was under way begins anew in any case. */
        @Override
        public void refuseWhileLoading() {
            refuse(Errors.REBALANCE_IN_PROGRESS);
        }
    }

    record Heartbeat(
            HeartbeatRequestData data, AnswerHold<HeartbeatResponseData> hold, Reply<HeartbeatResponseData> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return data.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(new HeartbeatResponseData().setErrorCode(error.code()));
        }

        /** As for synchronizing; and who may yet turn out to be a member need not rejoin. */
        @Override
        public void refuseWhileLoading() {
            refuse(Errors.NONE);
        }
    }

    record Leave(GroupService.Caller caller, LeaveGroupRequestData data, Reply<LeaveGroupResponseData> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return data.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(new LeaveGroupResponseData().setErrorCode(error.code()));
        }
    }

    /** Of a member of the consumer protocol (KIP-848). */
    record ConsumerHeartbeat(
            GroupService.Caller caller,
            ConsumerGroupHeartbeatRequestData data,
            Reply<ConsumerGroupHeartbeatResponseData> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return data.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(refusal(error));
        }

        static ConsumerGroupHeartbeatResponseData refusal(Errors error) {
            return refusal(new ConsumerHeartbeatCheck.Problem(error, error.message()));
        }

        static ConsumerGroupHeartbeatResponseData refusal(ConsumerHeartbeatCheck.Problem problem) {
            return new ConsumerGroupHeartbeatResponseData()
                    .setErrorCode(problem.error().code())
                    .setErrorMessage(problem.message());
        }
    }

    record DescribeConsumers(String groupId, Reply<ConsumerGroupDescribeResponseData.DescribedGroup> reply)
            implements GroupRequest {
        @Override
        public void refuse(Errors error) {
            answer(error, error.message());
        }

        void answerUnknown(String message) {
            answer(Errors.GROUP_ID_NOT_FOUND, message);
        }

        private void answer(Errors error, String message) {
            reply.answer(new ConsumerGroupDescribeResponseData.DescribedGroup()
                    .setGroupId(groupId)
                    .setErrorCode(error.code())
                    .setErrorMessage(message));
        }
    }

    /** What a member may commit depends on the version: before v9 it cannot be one of the consumer protocol (KIP-848). */
    record CommitOffsets(short apiVersion, OffsetCommitRequestData data, Reply<OffsetCommitResponseData> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return data.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(GroupOffsets.commitRefused(data, error));
        }
    }

    /** {@code asked.topics() == null} asks for all. */
    record FetchOffsets(OffsetFetchRequestGroup asked, TopicIds topics, Reply<OffsetFetchResponseGroup> reply)
            implements GroupRequest {
        @Override
        public String groupId() {
            return asked.groupId();
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(new OffsetFetchResponseGroup().setGroupId(groupId()).setErrorCode(error.code()));
        }
    }

    record Describe(String groupId, short apiVersion, Reply<DescribedGroup> reply) implements GroupRequest {
        @Override
        public void refuse(Errors error) {
            reply.answer(new DescribedGroup().setGroupId(groupId).setErrorCode(error.code()));
        }

        /** From v6 on an unknown group is an error, before it is Dead (KIP-1043). */
        void answerUnknown(String message) {
            DescribedGroup dead = new DescribedGroup().setGroupId(groupId).setGroupState("Dead");
            if (apiVersion >= 6) {
                dead.setErrorCode(Errors.GROUP_ID_NOT_FOUND.code()).setErrorMessage(message);
            }
            reply.answer(dead);
        }
    }

    /** What happened to a group; nothing of one that is not known. */
    record Events(String groupId, Reply<GroupEvents> reply) implements GroupRequest {
        @Override
        public void refuse(Errors error) {
            reply.answer(GroupEvents.NONE);
        }
    }

    /** Removes an Empty group and its offsets. */
    record Delete(String groupId, Reply<Errors> reply) implements GroupRequest {
        @Override
        public void refuse(Errors error) {
            reply.answer(error);
        }
    }

    /** A partition of a topic. */
    record Partition(String topic, int partition) {}

    /** Removes offsets of partitions that no member is subscribed to. The answer holds one error for each partition. */
    record DeleteOffsets(String groupId, List<Partition> partitions, Reply<OffsetsDeleted> reply)
            implements GroupRequest {
        public DeleteOffsets {
            partitions = List.copyOf(partitions);
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(new OffsetsDeleted(error, new ArrayList<>()));
        }
    }

    /** Of each partition asked for, in that order; empty when the whole request failed. */
    record OffsetsDeleted(Errors error, List<Errors> partitions) {}

    /** All groups of a coordinator; never gets to a group. */
    record ListAll(Reply<ListGroupsResponseData> reply) implements GroupRequest {
        @Override
        public String groupId() {
            return "";
        }

        @Override
        public void refuse(Errors error) {
            reply.answer(new ListGroupsResponseData().setErrorCode(error.code()));
        }
    }
}
