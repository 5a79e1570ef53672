/* The function of the conformance suite, in Java. */

import com.amazonaws.services.lambda.runtime.Context;

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

public class App {

    private static int calls, running;

    public Object handler(Object event, Context context) throws Exception {
        calls++;
        running++;

        try {
            return event instanceof Map ? act((Map<?, ?>) event, context)
                                        : event;
        } finally {
            running--;
        }
    }


    private static Object act(Map<?, ?> event, Context c) throws Exception {
        if (event.containsKey("requestContext")) {
            return Map.of("statusCode", 200, "body", event.get("body"),
                "headers", Map.of("content-type", "application/octet-stream"),
                "isBase64Encoded", event.get("isBase64Encoded"));
        }

        switch (String.valueOf(event.get("do"))) {
        case "throw":
            throw new Odd("an \"odd\" \u00e9rror");

        case "throw_later":
            Thread later = new Thread(() -> {
                throw new IllegalStateException("later");
            });
            later.start();
            later.join();
            return "went on";

        case "exit":
            System.exit(((Number) event.get("code")).intValue());
            return null;

        case "kill":
            Field field = Class.forName("sun.misc.Unsafe")
                               .getDeclaredField("theUnsafe");
            field.setAccessible(true);
            Object unsafe = field.get(null);
            return unsafe.getClass().getMethod("getByte", long.class)
                         .invoke(unsafe, 8L);

        case "loop":
            for ( ;; ) {
                calls ^= 1;
            }

        case "memory":
            List<byte[]> keep = new ArrayList<>();
            for ( ;; ) {
                keep.add(new byte[1 << 20]);
            }

        case "stack":
            return deep(0);

        case "flood":
            String line = "x".repeat(9999);
            for (int n = 0; n < ((Number) event.get("lines")).intValue(); n++)
            {
                System.out.println(line);
            }
            return "flooded";

        case "daemon":
            Thread daemon = new Thread(App::work);
            daemon.setDaemon(true);
            daemon.start();
            new ProcessBuilder("/bin/sleep", "1000").inheritIO().start();
            return calls;

        case "tmp":
            Path kept = Path.of("/tmp/kept");
            Files.writeString(kept, "x", StandardOpenOption.CREATE,
                              StandardOpenOption.APPEND);
            return Files.size(kept);

        case "env":
            return System.getenv();

        case "context":
            Map<String, Object> all = new HashMap<>();
            all.put("id", c.getAwsRequestId());
            all.put("name", c.getFunctionName());
            all.put("version", c.getFunctionVersion());
            all.put("arn", c.getInvokedFunctionArn());
            all.put("memory", String.valueOf(c.getMemoryLimitInMB()));
            all.put("group", c.getLogGroupName());
            all.put("stream", c.getLogStreamName());
            all.put("custom", c.getClientContext().getCustom());
            return all;

        case "remaining":
            int before = c.getRemainingTimeInMillis();
            Thread.sleep(50);
            return List.of(before, c.getRemainingTimeInMillis());

        case "log":
            System.out.println("out " + event.get("mark"));
            System.err.println("err " + event.get("mark"));
            return "logged";

        case "sleep":
            Thread.sleep(((Number) event.get("ms")).longValue());
            return List.of(running, calls, ProcessHandle.current().pid());

        default:
            return event;
        }
    }


    private static int deep(int n) {
        return deep(n + 1) + 1;
    }


    private static void work() {
        for ( ;; ) {
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                return;
            }
        }
    }


    static class Odd extends Exception {
        Odd(String message) {
            super(message);
        }
    }
}
