package io.troupe.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.group.GroupEvents;
import io.troupe.group.GroupService;
import io.troupe.protocol.ApiHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.kafka.common.message.ConsumerGroupDescribeRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.requests.AbstractResponse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GroupHandlersTest {
    private static final GroupService FAILING = (GroupService) Proxy.newProxyInstance(
            GroupService.class.getClassLoader(),
            new Class<?>[] {GroupService.class},
            (proxy, method, arguments) -> CompletableFuture.failedFuture(new IllegalStateException("a fault")));

    static Stream<Arguments> handlers() {
        return Stream.of(
                Arguments.of(new JoinGroupHandler(FAILING), new JoinGroupRequestData().setGroupId("g")),
                Arguments.of(new SyncGroupHandler(FAILING), new SyncGroupRequestData().setGroupId("g")),
                Arguments.of(new HeartbeatHandler(FAILING), new HeartbeatRequestData().setGroupId("g")),
                Arguments.of(
                        new ConsumerGroupHeartbeatHandler(FAILING),
                        new ConsumerGroupHeartbeatRequestData().setGroupId("g")),
                Arguments.of(
                        new ConsumerGroupDescribeHandler(FAILING),
                        new ConsumerGroupDescribeRequestData().setGroupIds(List.of("g"))),
                Arguments.of(new LeaveGroupHandler(FAILING), new LeaveGroupRequestData().setGroupId("g")),
                Arguments.of(
                        new DescribeGroupsHandler(FAILING), new DescribeGroupsRequestData().setGroups(List.of("g"))),
                Arguments.of(new ListGroupsHandler(FAILING), new ListGroupsRequestData()),
                Arguments.of(new OffsetDeleteHandler(FAILING), new OffsetDeleteRequestData().setGroupId("g")));
    }

    @Test
    void whoSendsTheTagIsToldOfEventsAndNobodyElse() throws Exception {
        GroupService service = (GroupService) Proxy.newProxyInstance(
                GroupService.class.getClassLoader(),
                new Class<?>[] {GroupService.class},
                (proxy, method, arguments) -> CompletableFuture.completedFuture(
                        method.getName().equals("groupEvents")
                                ? new GroupEvents(List.of())
                                : new DescribedGroup().setGroupId("g")));
        DescribeGroupsHandler handler = new DescribeGroupsHandler(service);
        for (int tag : new int[] {10_000, 10_001}) {
            DescribeGroupsRequestData request = new DescribeGroupsRequestData().setGroups(List.of("g"));
            request.unknownTaggedFields().add(new RawTaggedField(tag, new byte[0]));
            FakeContext context = new FakeContext(ApiKeys.DESCRIBE_GROUPS, 5);
            handler.handle(context, request);
            List<RawTaggedField> told = context.end(DescribeGroupsResponseData.class)
                    .groups()
                    .get(0)
                    .unknownTaggedFields();
            assertEquals(tag == 10_000 ? List.of(new RawTaggedField(tag, new byte[0])) : List.of(), told);
        }
    }

    /** As Kafka's broker does; a connection that is closed instead makes the client ask again, into the same fault. */
    @ParameterizedTest
    @MethodSource("handlers")
    <T extends ApiMessage> void aFaultIsAnsweredAsUnknownServerError(ApiHandler<T> handler, T request)
            throws Exception {
        for (short version = handler.minVersion(); version <= handler.maxVersion(); version++) {
            FakeContext context = new FakeContext(handler.apiKey(), version);
            handler.handle(context, request);
            ApiMessage answer = context.end(ApiMessage.class);
            AbstractResponse parsed = AbstractResponse.parseResponse(
                    handler.apiKey(), MessageUtil.toByteBufferAccessor(answer, version), version);
            assertEquals(
                    Set.of(Errors.UNKNOWN_SERVER_ERROR), parsed.errorCounts().keySet(), "version " + version);
            assertTrue(context.ends.isEmpty());
        }
    }
}
