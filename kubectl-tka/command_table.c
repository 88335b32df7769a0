#include "kubectl-tka/commands.h"

/* Flags that several commands take alike. */
#define FINDS_SERVER \
        " server hostname tailnet port tailscale-socket server-tags node-id insecure-plain-http " \
        "config quiet help"
#define FINDS_CLUSTER " kubeconfig" FINDS_SERVER

static const struct command_words commands[] = {
        [COMMAND_LOGIN] = {
                .name = "login",
                .aliases = "signin|auth",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_SESSIONS,
                .summary = "sign in and write a kubeconfig context",
                .details =
                        "CLUSTER is a context or cluster you have signed in to before, or a TKA "
                        "server: a host of the tailnet or a URL. Without it, the current "
                        "context's cluster, else the configured server.\n\n"
                        "The context is called as the cluster, or CLUSTER!ROLE when a role was "
                        "asked for. The current context stays as it is, unless there is none. "
                        "Signing in again does no harm.",
                .examples = "login tka\nlogin prod --role view --use\n"
                            "login prod --role admin --for 15m --reason 'INC-7: full disk'",
                .flags = "role for reason use context-name absolute exec-api dry-run "
                         "stdout cache output debug" FINDS_CLUSTER,
        },
        [COMMAND_LOGOUT] = {
                .name = "logout",
                .aliases = "signout",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_SESSIONS,
                .summary = "end the session and forget its token",
                .details =
                        "CLUSTER ends all your sessions there from this device, whatever their "
                        "roles; without it, those at the current context's cluster. CLUSTER!ROLE, "
                        "or the name of a context written with --role, ends that one alone; a "
                        "context without a role that was granted the same one is signed out with "
                        "it.\n\n"
                        "Until the next login kubectl is told to sign in again, and does not by "
                        "itself. With --forget the context that login wrote goes from the "
                        "kubeconfig too, and the cluster and user that it alone uses.",
                .examples = "logout\nlogout prod --everywhere\nlogout prod --forget\nlogout --all",
                .flags = "everywhere all forget output" FINDS_CLUSTER,
        },
        [COMMAND_REFRESH] = {
                .name = "refresh",
                .aliases = "reauthenticate|reauth",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_SESSIONS,
                .summary = "begin the session's time anew, without a gap",
                .details = "Needs a session: `login` begins one. One that was begun with --for or "
                           "--reason stays as it is.",
                .examples = "refresh\nrefresh prod",
                .flags = "output" FINDS_CLUSTER,
        },
        [COMMAND_STATUS] = {
                .name = "status",
                .aliases = "",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_FACTS,
                .summary = "show the session in a line, asking nobody: for shell prompts",
                .details =
                        "Without CLUSTER, the current context's session. Exit code 5 when none is "
                        "active; with --format or -o nothing else is said then.\n\n"
                        "A template holds {cluster} {context} {role} {user} {server} {until} "
                        "{left} {cache} {state}; \\n and \\t are a newline and a tab.",
                .examples = "status\nstatus --format '{cluster}:{role} {left}'\nstatus --all -o json",
                .flags = "all format output kubeconfig help",
        },
        [COMMAND_LIST] = {
                .name = "list",
                .aliases = "ls",
                .operands = "",
                .group = COMMAND_GROUP_FACTS,
                .summary = "show every cluster: known here, or found on the tailnet",
                .details = "All are asked at once, and for 2 s at most.",
                .examples = "list\nlist -o json",
                .flags = "output" FINDS_CLUSTER,
        },
        [COMMAND_SHELL] = {
                .name = "shell",
                .aliases = "",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_SESSIONS,
                .summary = "a shell that is signed in, and signed out when it ends",
                .details =
                        "Starts $SHELL with a kubeconfig of its own, which holds no token; its "
                        "prompt begins with (tka CLUSTER). When the shell ends, however it does, "
                        "the session ends and nothing is left behind, unless a login or another "
                        "shell uses the same session. The exit status is the shell's.",
                .examples = "shell prod\nshell prod --role admin --for 15m --reason 'INC-7'",
                .flags = "role for reason" FINDS_CLUSTER,
        },
        [COMMAND_EXEC] = {
                .name = "exec",
                .aliases = "",
                .operands = "[CLUSTER] -- PROGRAM [ARGUMENTS]",
                .operands_max = 1,
                .runs_rest = true,
                .group = COMMAND_GROUP_SESSIONS,
                .summary = "a program that is signed in, and signed out when it ends",
                .details =
                        "As `shell`, with PROGRAM in its place: KUBECONFIG leads to a private "
                        "file that holds no token. The exit status is the program's, 127 when "
                        "there is no such program and 126 when it cannot be run.",
                .examples = "exec prod -- kubectl get pods\n"
                            "exec prod --role view -- helm list -A",
                .flags = "role for reason" FINDS_CLUSTER,
        },
        [COMMAND_GET_LOGIN] = {
                .name = "get login",
                .aliases = "get signin",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_FACTS,
                .summary = "show the session that the server knows",
                .details = "Exit code 5 when there is none, 6 while it is being prepared.",
                .examples = "get login\nget login prod -o json",
                .flags = "output" FINDS_CLUSTER,
        },
        [COMMAND_ACCESS] = {
                .name = "access",
                .aliases = "why",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_FACTS,
                .summary = "show what you may get there, by which rule, and why not more",
                .details = "Exit code 4 when nothing is granted.",
                .examples = "access\nwhy prod",
                .flags = "output" FINDS_CLUSTER,
        },
        [COMMAND_KUBECONFIG] = {
                .name = "kubeconfig",
                .aliases = "get kubeconfig",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_FACTS,
                .summary = "print a kubeconfig for the cluster, changing no file",
                .details =
                        "Its user runs kubectl-tka and holds no token; with --token it holds one, "
                        "of the session there is, until that ends.",
                .examples = "kubeconfig prod > prod.yaml\nkubeconfig prod --token -o json",
                .flags = "role token context-name cache output" FINDS_CLUSTER,
        },
        [COMMAND_CLUSTER_INFO] = {
                .name = "cluster-info",
                .aliases = "get cluster-info",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_FACTS,
                .summary = "show the API server and the labels of a cluster",
                .details = "",
                .examples = "cluster-info prod",
                .flags = "output" FINDS_CLUSTER,
        },
        [COMMAND_DOCTOR] = {
                .name = "doctor",
                .aliases = "",
                .operands = "[CLUSTER]",
                .operands_max = 1,
                .group = COMMAND_GROUP_SETUP,
                .summary = "check everything a login needs, and say what mends it",
                .details = "Exit code 1 when a check failed; warnings alone are 0.",
                .examples = "doctor\ndoctor prod -o json",
                .flags = "cache output" FINDS_CLUSTER,
        },
        [COMMAND_CONFIG_GET] = {
                .name = "config get",
                .aliases = "get config",
                .operands = "KEY",
                .operands_max = 1,
                .group = COMMAND_GROUP_SETUP,
                .summary = "print the value of a setting",
                .details = "Exit code 1 when it has none.",
                .examples = "config get tailscale.hostname",
                .flags = "output cache" FINDS_SERVER,
        },
        [COMMAND_CONFIG_SET] = {
                .name = "config set",
                .aliases = "set config",
                .operands = "KEY VALUE",
                .operands_max = 2,
                .group = COMMAND_GROUP_SETUP,
                .summary = "write a setting into the config file",
                .details =
                        "Into the file that --config or TKA_CONFIG names, else "
                        "~/.config/tka/config.yaml. Only that key changes: comments and order "
                        "stay. Lists are separated by commas.",
                .examples = "config set tailscale.hostname tka-prod\n"
                            "config set tailscale.serverTags tag:tka,tag:tka-prod",
                .flags = "config quiet help",
        },
        [COMMAND_CONFIG_PATH] = {
                .name = "config path",
                .aliases = "",
                .operands = "",
                .group = COMMAND_GROUP_SETUP,
                .summary = "print which config file is read",
                .details = "",
                .examples = "config path",
                .flags = "config help",
        },
        [COMMAND_CONFIG_LIST] = {
                .name = "config list",
                .aliases = "config",
                .operands = "",
                .group = COMMAND_GROUP_SETUP,
                .summary = "show every setting, and where its value comes from",
                .details = "",
                .examples = "config list\nconfig list -o json",
                .flags = "output cache" FINDS_SERVER,
        },
        [COMMAND_COMPLETION] = {
                .name = "completion",
                .aliases = "",
                .operands = "[SHELL]",
                .operands_max = 1,
                .group = COMMAND_GROUP_SETUP,
                .summary = "print what completes commands, flags, clusters and roles",
                .details =
                        "SHELL is bash, zsh, fish or powershell. For \"tka\": in ~/.bashrc, "
                        "source <(tka completion bash); in ~/.zshrc, behind compinit, source "
                        "<(tka completion zsh); for fish, tka completion fish "
                        ">~/.config/fish/completions/tka.fish.\n\n"
                        "For \"kubectl tka\", where kubectl's own completion is loaded: "
                        "--install makes the link kubectl_complete-tka beside kubectl-tka.",
                .examples = "completion bash\ncompletion --install",
                .flags = "install help",
        },
        [COMMAND_INTEGRATION] = {
                .name = "generate integration",
                .aliases = "",
                .operands = "SHELL",
                .operands_max = 1,
                .group = COMMAND_GROUP_SETUP,
                .summary = "print a function \"tka\" that signs one shell alone in",
                .details =
                        "SHELL is bash, zsh, fish or powershell. After `tka login` by that "
                        "function, KUBECONFIG of this shell leads to a file of its own; other "
                        "shells stay as they are. In ~/.bashrc: "
                        "source <(tka generate integration bash).",
                .examples = "generate integration bash",
                .flags = "help",
        },
        [COMMAND_VERSION] = {
                .name = "version",
                .aliases = "--version",
                .operands = "",
                .group = COMMAND_GROUP_SETUP,
                .summary = "show the version",
                .details = "",
                .examples = "version -o json",
                .flags = "output help",
        },
        [COMMAND_HELP] = {
                .name = "help",
                .aliases = "--help|-h",
                .operands = "[COMMAND]",
                .operands_max = 2,
                .group = COMMAND_GROUP_SETUP,
                .summary = "show the commands, or one of them",
                .details = "",
                .examples = "help login",
                .flags = "help",
        },
        [COMMAND_CREDENTIAL] = {
                .name = "credential",
                .aliases = "",
                .operands = "",
                .group = COMMAND_GROUP_PLUMBING,
                .summary = "print a token for kubectl: what the kubeconfig calls",
                .details =
                        "From the cache, else from the server, as an ExecCredential on stdout.",
                .examples = "",
                .flags = "ca-hash cluster role cache" FINDS_SERVER,
        },
};

static const char *const titles[] = {
        [COMMAND_GROUP_SESSIONS] = "Sign in and out",
        [COMMAND_GROUP_FACTS] = "See what is there",
        [COMMAND_GROUP_SETUP] = "Set up",
        [COMMAND_GROUP_PLUMBING] = "For kubectl",
};

const struct command_words *command_words(enum command command)
{
        return &commands[command];
}

const char *command_group_title(enum command_group group)
{
        return titles[group];
}
