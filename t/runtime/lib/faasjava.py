"""Functions in Java for the runtime's own tests: those that every language
has, each a class of the package "fn", and some of Java's own."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../../lib"))
import faas_java                                               # noqa: E402

HEAD = """\
import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
import java.math.*;
import java.nio.charset.StandardCharsets;
import java.time.*;
import java.util.*;

"""

# a method of a RequestHandler<Object, Object>; the event is "e"
HANDLERS = {
    "echo": "return e;",
    "fail": 'throw new IllegalArgumentException("no "'
            ' + ((Map<?, ?>) e).get("what"));',
    "members": """
        Map<String, Object> all = new HashMap<>();
        int left = c.getRemainingTimeInMillis();
        ClientContext client = c.getClientContext();
        all.put("id", c.getAwsRequestId());
        all.put("name", c.getFunctionName());
        all.put("version", c.getFunctionVersion());
        all.put("arn", c.getInvokedFunctionArn());
        all.put("memory", String.valueOf(c.getMemoryLimitInMB()));
        all.put("group", c.getLogGroupName());
        all.put("stream", c.getLogStreamName());
        all.put("left", left);
        all.put("deadline", System.currentTimeMillis() + left);
        all.put("identity", Optional.ofNullable(c.getIdentity()).map(
            i -> Map.of("cognitoIdentityId", i.getIdentityId())));
        all.put("client", Optional.ofNullable(client).map(
            o -> Map.of("custom", Map.of("a",
                Integer.valueOf(o.getCustom().get("a"))))));
        all.put("trace", Optional.ofNullable(System.getProperty(
            "com.amazonaws.xray.traceHeader")));
        if (!Objects.equals(c.getXrayTraceId(), System.getProperty(
            "com.amazonaws.xray.traceHeader")))
            throw new IllegalStateException("trace id");
        return all;""",
    "environment": """
        return Map.of("env", System.getenv(),
            "cwd", new File("").getAbsolutePath());""",
    "logs": """
        System.out.println("to stdout");
        System.err.println("to stderr");
        c.getLogger().log("\\u00e4\\n");
        return "done";""",
    "hang": """
        System.out.println("hanging");
        try { Thread.sleep(100000); } catch (InterruptedException x) { }
        return null;""",
    "leave": """
        System.out.println("leaving");
        System.exit(((Number) e).intValue());
        return null;""",
    "killed": """
        System.out.println("before");
        System.out.flush();
        try {
            new ProcessBuilder("kill", "-9", "" + ProcessHandle.current().pid()
                ).start().waitFor();
        } catch (IOException | InterruptedException x) { }
        return null;""",
    "flood": """
        String line = "x".repeat(1000);
        for (int i = 0; i < ((Number) e).intValue(); i++)
            System.out.println(line);
        return e;""",
    "large": 'return "x".repeat(5000000);',
    "value": """
        Map<String, Object> self = new HashMap<>();
        self.put("self", self);
        switch ((String) e) {
        case "text": return "\\u00e4\\u2028\\ud83d\\ude00\\"\\\\\\n";
        case "list": return List.of(1, List.of(2), new int[0]);
        case "map": return Map.of("a", Map.of("b", 1.5));
        case "true": return true;
        case "bad": return self;
        default: return null;
        }""",
    "children": """
        try {
            Process p = new ProcessBuilder("sh", "-c",
                "ls /proc/self/fd | wc -l; env").start();
            return new String(p.getInputStream().readAllBytes(),
                              StandardCharsets.UTF_8);
        } catch (IOException x) { throw new UncheckedIOException(x); }""",
}

SOURCES = {
    "fn/%s.java" % name: "package fn;\n" + HEAD + """
public class %s implements RequestHandler<Object, Object> {
    @Override
    public Object handleRequest(Object e, Context c) {%s
    }
}
""" % (name, body) for name, body in HANDLERS.items()}

SOURCES["fn/count.java"] = "package fn;\n" + HEAD + """
public class count implements RequestHandler<Object, Integer> {
    static { System.out.println("loading"); }
    private int n;

    @Override
    public Integer handleRequest(Object e, Context c) { return ++n; }
}
"""
SOURCES["fn/raw.java"] = "package fn;\n" + HEAD + """
public class raw implements RequestStreamHandler {
    static OutputStream last;

    @Override
    public void handleRequest(InputStream in, OutputStream out, Context c)
        throws IOException {
        if (last != null)
            last.write("from before".getBytes());
        last = out;
        in.transferTo(out);
    }
}
"""
SOURCES["bad_exit/handler.java"] = """package bad_exit;

public class handler {
    static { System.exit(7); }
}
"""
SOURCES["bad/Init.java"] = "package bad;\n" + HEAD + """
public class Init {
    static final int N = Integer.parseInt("no number");

    public void handle() { }
}
"""
SOURCES["bad/Made.java"] = "package bad;\n" + HEAD + """
public class Made implements RequestHandler<Object, Object> {
    public Made() { throw new IllegalStateException("not today"); }

    @Override
    public Object handleRequest(Object e, Context c) { return null; }
}
"""
SOURCES["bad/Forms.java"] = "package bad;\n" + HEAD + """
public class Forms {
    public class Inner { public void handle() { } }
    public static class Hidden {
        private Hidden() { }
        public void handle() { }
    }
    public void many(int a, int b, int c, int d) { }
    public void wrong(Context c, int b) { }
    private void secret() { }
}
"""
# what Lambda calls a handler
SOURCES["own/Forms.java"] = "package own;\n" + HEAD + """
public class Forms {
    private int calls;

    public static class Nested implements RequestHandler<Integer, Integer> {
        public Integer handleRequest(Integer n, Context c) { return n + 1; }
    }

    static abstract class Base<A, B> implements RequestHandler<B, A> {
    }

    public static class Generic extends Base<String, List<Long>> {
        public String handleRequest(List<Long> n, Context c) {
            long sum = 0;
            for (long i : n)
                sum += i;
            return "sum " + sum;
        }
    }

    public int calls() { return ++calls; }
    public static String same(String s) { return s; }
    public int twice(int n) { return 2 * n; }
    public String named(Map<String, Integer> m, Context c) {
        return c.getFunctionName() + new TreeMap<>(m);
    }
    public void nothing(Object o) { }
    public String only(Context c) { return c.getAwsRequestId(); }
    public String over(String s) { return "one"; }
    public String over(String s, Context c) { return "with context"; }
    public void in(InputStream in) throws IOException {
        System.out.println(in.readAllBytes().length);
    }
    public void out(OutputStream out, Context c) throws IOException {
        out.write("[1]".getBytes());
    }
    public void pipe(InputStream in, OutputStream out) throws IOException {
        in.transferTo(out);
    }
    public void pipes(InputStream in, OutputStream out, Context c)
        throws IOException {
        out.write('"');
        in.transferTo(out);
        out.write('"');
    }
    public Object later(Object o) {
        new Thread(() -> System.out.println("from a thread")).start();
        return o;
    }
    public Object threads(Object o) { return Thread.activeCount(); }

    private final java.util.concurrent.atomic.AtomicInteger inside
        = new java.util.concurrent.atomic.AtomicInteger();

    public int inside(Object o) throws InterruptedException {
        int n = inside.incrementAndGet();
        Thread.sleep(2);
        inside.decrementAndGet();
        return n;
    }
    public String deep(String s) { return deep(s); }
    public int full(int mb) {
        List<byte[]> all = new ArrayList<>();
        for (int i = 0; i < mb; i++)
            all.add(new byte[1 << 20]);
        return all.size();
    }
    public void hook(Object o) {
        Runtime.getRuntime().addShutdownHook(new Thread(
            () -> System.err.println("the hook")));
    }
    public String zone(Object o) {
        return TimeZone.getDefault().getID() + " " + Locale.getDefault() + " "
               + java.nio.charset.Charset.defaultCharset();
    }
    public Object nested(Object o) {
        throw new IllegalStateException("outer",
            new IOException("inner", new Error()));
    }
    public void checked(Object o) throws Exception { throw new Exception(); }
    public String loader(Object o) throws IOException {
        try (InputStream in = Thread.currentThread().getContextClassLoader()
                 .getResourceAsStream("own/Forms.class")) {
            return in.readAllBytes().length > 1000 ? "found" : "short";
        }
    }
}
"""
SOURCES["own/Beans.java"] = "package own;\n" + HEAD + """
public class Beans {
    public enum Colour { RED, GREEN }

    public record Point(int x, double y, List<Colour> colours) { }

    public static class Item<T> {
        private T value;
        private String name;
        public T getValue() { return value; }
        public void setValue(T value) { this.value = value; }
        public String getName() { return name; }
        public void setName(String name) { this.name = name; }
    }

    public static class Order extends Item<Instant> {
        private List<Item<Point>> items;
        private boolean open;
        private URLs urls = new URLs();
        private char[] letters;
        public BigDecimal price;
        public byte[] data;
        public int[][] grid;
        public Colour colour;
        public Optional<String> note;
        public Date date;
        public UUID id;
        public EnumMap<Colour, Integer> by;
        public Set<Short> shorts;
        public final int fixed = 3;
        public transient int passing = 4;
        public List<Item<Point>> getItems() { return items; }
        public void setItems(List<Item<Point>> items) { this.items = items; }
        public boolean isOpen() { return open; }
        public void setOpen(boolean open) { this.open = open; }
        public URLs getURLs() { return urls; }
        public void setLetters(char[] c) { letters = c; }
        public String getWord() {
            return letters == null ? null : new String(letters);
        }
    }

    public static class URLs {
        public String getHTTP() { return "http"; }
        public String getX() { return null; }
    }

    public Order order(Order o) { return o; }
    public Point point(Point p) { return p; }
    public Map<String, Point> points(Map<String, Point> m) {
        for (Point p : m.values())
            p.x();
        return m;
    }
    public Object[] types(Object o) {
        return ((List<?>) o).stream().map(
            v -> v == null ? "null" : v.getClass().getSimpleName()).toArray();
    }
    public Object exact(BigDecimal n) { return n.toPlainString(); }
    public Object big(BigInteger n) { return n.toString(); }
    public boolean flag(boolean b) { return !b; }
    public Runnable runnable(Runnable r) { return r; }
    public static class Node {
        private Node next;
        private List<Map<String, Node>> nodes;
        public Node getNext() { return next; }
        public void setNext(Node next) { this.next = next; }
        public void setNodes(List<Map<String, Node>> n) { nodes = n; }
        public List<Map<String, Node>> getNodes() { return nodes; }
    }

    public Node node(Node n) { return n; }
    public Node circle(Node n) { n.next = n; return n; }
    public Properties properties(Properties p) { return p; }
    public Thread thread(Object o) { return Thread.currentThread(); }
    public Object thrower(Object o) {
        return new Object() {
            public String getBad() { throw new IllegalStateException("get"); }
        };
    }
    public Object odd(Object o) {
        return Arrays.asList(Float.NaN, 1.5f, 'c', Colour.RED, (short) 3,
            OptionalInt.of(4), new StringBuilder("b"), Duration.ofSeconds(5),
            new BigInteger("123456789012345678901234567890"), Locale.US,
            new HashMap<>(Collections.singletonMap("gone", null)),
            new ArrayDeque<>(List.of(1)), Instant.ofEpochSecond(1, 5));
    }
}
"""


def root():
    """The folder of all of them."""
    return faas_java.folder(SOURCES)
