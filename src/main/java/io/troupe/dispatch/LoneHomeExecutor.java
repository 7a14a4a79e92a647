package io.troupe.dispatch;

import com.typesafe.config.Config;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.dispatch.DispatcherPrerequisites;
import org.apache.pekko.dispatch.ExecutorServiceConfigurator;
import org.apache.pekko.dispatch.ExecutorServiceFactory;
import org.apache.pekko.dispatch.MonitorableThreadFactory;

/** The executor of a dispatcher with one thread, which is a {@link HomeThread}. */
public final class LoneHomeExecutor extends ExecutorServiceConfigurator {
    /** Called by Pekko with the dispatcher's settings. */
    public LoneHomeExecutor(Config dispatcher, DispatcherPrerequisites prerequisites) {
        super(dispatcher, prerequisites);
    }

    @Override
    public ExecutorServiceFactory createExecutorServiceFactory(String id, ThreadFactory threads) {
        MonitorableThreadFactory factory = (MonitorableThreadFactory) threads;
        return () -> new Lone(work -> factory.wire(new HomeThread(work, factory.name() + "-" + id)));
    }

    private static final class Lone extends ThreadPoolExecutor {
        Lone(ThreadFactory threads) {
            super(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads);
        }

        @Override
        protected void afterExecute(Runnable task, Throwable failure) {
            ((HomeThread) Thread.currentThread()).runWaiting();
        }
    }
}
