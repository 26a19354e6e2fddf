"""The rows of the acceptance table that are one conversation: what is sent, and what comes back.

EQUAL is what the real upsd answers too, byte for byte, and BETTER what is an improvement on it.
"""

from dataclasses import dataclass

from .shared import credentials


@dataclass(frozen=True, slots=True)
class Case:
    """What a client sends, as whom, and what comes back after the OKs to its credentials."""

    row: int
    request: str
    reply: str
    user: str | None = None

    @property
    def sent(self) -> str:
        """Return the bytes to send, credentials first."""
        return f"{credentials(self.user) if self.user else ''}{self.request}\n"

    @property
    def expected(self) -> bytes:
        """Return all that comes back."""
        return f"{'OK\nOK\n' if self.user else ''}{self.reply}\n".encode()


INVALID = "ERR INVALID-ARGUMENT"
UNKNOWN_UPS = "ERR UNKNOWN-UPS"
NOT_CONNECTED = "ERR DRIVER-NOT-CONNECTED"
STALE = "ERR DATA-STALE"
DENIED = "ERR ACCESS-DENIED"
NO_VARIABLE = "ERR VAR-NOT-SUPPORTED"
NO_USERNAME = "ERR USERNAME-REQUIRED"
NO_PASSWORD = "ERR PASSWORD-REQUIRED"
UNKNOWN_COMMAND = "ERR UNKNOWN-COMMAND"
NO_DESCRIPTION = '"Description unavailable"'
ID = r'"my \"ups\" \\ \#2"'

LIST_UPS = f"""BEGIN LIST UPS
UPS ups "UPS of the tests"
UPS gone {NO_DESCRIPTION}
UPS stale {NO_DESCRIPTION}
UPS spare {NO_DESCRIPTION}
END LIST UPS"""
LIST_VAR = rf"""BEGIN LIST VAR %
VAR % battery.charge "100.0"
VAR % battery.charge.low "30"
VAR % input.sensitivity "N"
VAR % ups.id {ID}
VAR % ups.load "12"
VAR % ups.mfr "OMRON"
VAR % ups.status "OL"
VAR % Zeta.var "1"
END LIST VAR %"""
LIST_RW = rf"""BEGIN LIST RW ups
RW ups battery.charge.low "30"
RW ups input.sensitivity "N"
RW ups ups.id {ID}
END LIST RW ups"""
FORCED = """OK FSD-SET
VAR Spare ups.status "FSD OL CHRG"
BEGIN LIST VAR spare
VAR spare ups.load "1"
VAR spare ups.status "FSD OL CHRG"
END LIST VAR spare
BEGIN LIST RW spare
RW spare ups.status "OL CHRG"
END LIST RW spare"""
LIST_CMD = """BEGIN LIST CMD ups
CMD ups beeper.mute
CMD ups Beeper.toggle
CMD ups load.off
END LIST CMD ups"""
LIST_ENUM = r"""BEGIN LIST ENUM ups input.sensitivity
ENUM ups input.sensitivity "N"
ENUM ups input.sensitivity "L"
ENUM ups input.sensitivity "very \"H\""
END LIST ENUM ups input.sensitivity"""
LIST_RANGE = """BEGIN LIST RANGE ups battery.charge.low
RANGE ups battery.charge.low "10" "40"
RANGE ups battery.charge.low "60" "90"
END LIST RANGE ups battery.charge.low"""
NO_ID = "00000000-0000-0000-0000-000000000000"
GATED = ("LOGIN", "PRIMARY", "MASTER", "FSD", "SET", "INSTCMD")
GATED_REQUESTS = [f"{word}{' x' * count}" for word in GATED for count in range(4)]

EQUAL = [
    Case(2, "VER x", INVALID),
    Case(2, "HELP x", INVALID),
    Case(2, "NETVER x", INVALID),
    Case(2, "PROTVER x", INVALID),
    Case(2, "LOGOUT x", INVALID),
    Case(3, "NETVER", "1.3"),
    Case(3, "PROTVER", "1.3"),
    Case(5, "", UNKNOWN_COMMAND),
    Case(5, "  \t ", UNKNOWN_COMMAND),
    Case(5, "# c", UNKNOWN_COMMAND),
    Case(5, "FOO", UNKNOWN_COMMAND),
    Case(6, "netver\r\r", "1.3"),
    Case(7, "LIST UPS", LIST_UPS),
    Case(8, "LIST UPS extra", LIST_UPS),
    Case(9, "LIST VAR ups", LIST_VAR.replace("%", "ups")),
    Case(10, "list var UPS", LIST_VAR.replace("%", "UPS")),
    Case(11, "LIST VAR nope", UNKNOWN_UPS),
    Case(11, "LIST VAR gone", NOT_CONNECTED),
    Case(11, "LIST VAR stale", STALE),
    Case(12, "LIST VAR", INVALID),
    Case(12, "LIST", INVALID),
    Case(12, "LIST CLIENTS ups", INVALID),
    Case(12, "LIST FOO ups", INVALID),
    Case(12, "LIST ENUM ups", INVALID),
    Case(12, "LIST RANGE ups", INVALID),
    Case(13, "LIST RW ups", LIST_RW),
    Case(13, "LIST RW stale", STALE),
    Case(13, "LIST CMD ups", LIST_CMD),
    Case(13, "LIST CMD gone", NOT_CONNECTED),
    Case(14, "LIST ENUM ups input.sensitivity", LIST_ENUM),
    Case(14, "LIST ENUM ups ups.load", "BEGIN LIST ENUM ups ups.load\nEND LIST ENUM ups ups.load"),
    Case(14, "LIST ENUM ups nope", NO_VARIABLE),
    Case(14, "LIST ENUM stale nope", STALE),
    Case(15, "LIST RANGE ups battery.charge.low", LIST_RANGE),
    Case(15, "LIST RANGE ups Ups.Id", "BEGIN LIST RANGE ups Ups.Id\nEND LIST RANGE ups Ups.Id"),
    Case(15, "LIST RANGE ups nope", NO_VARIABLE),
    Case(16, "LIST CLIENT ups", "BEGIN LIST CLIENT ups\nEND LIST CLIENT ups"),
    Case(16, "LIST CLIENT nope", UNKNOWN_UPS),
    Case(16, "LIST CLIENT gone", "BEGIN LIST CLIENT gone\nEND LIST CLIENT gone"),
    Case(17, "GET VAR ups ups.status", 'VAR ups ups.status "OL"'),
    Case(17, "GET VAR ups ups.id", f"VAR ups ups.id {ID}"),
    Case(18, "get var UPS UPS.Status", 'VAR UPS UPS.Status "OL"'),
    Case(19, "GET VAR ups nope", NO_VARIABLE),
    Case(19, "GET VAR nope x", UNKNOWN_UPS),
    Case(19, "GET VAR gone ups.status", NOT_CONNECTED),
    Case(19, "GET VAR stale ups.status", STALE),
    Case(21, "GET VAR ups server.x", NO_VARIABLE),
    Case(22, "GET VAR ups ups.status extra", 'VAR ups ups.status "OL"'),
    Case(23, "GET", INVALID),
    Case(23, "GET VAR", INVALID),
    Case(23, "GET VAR ups", INVALID),
    Case(23, "GET FOO ups", INVALID),
    Case(23, "GET NUMLOGINS", INVALID),
    Case(23, "GET UPSDESC", INVALID),
    Case(24, "GET TYPE ups ups.id", "TYPE ups ups.id RW STRING:16"),
    Case(24, "GET TYPE ups input.sensitivity", "TYPE ups input.sensitivity RW ENUM STRING:8"),
    Case(24, "GET TYPE ups battery.charge.low", "TYPE ups battery.charge.low RW RANGE NUMBER"),
    Case(24, "GET TYPE ups battery.charge", "TYPE ups battery.charge NUMBER"),
    Case(24, "GET TYPE UPS UPS.Mfr", "TYPE UPS UPS.Mfr NUMBER"),
    Case(24, "GET TYPE ups nope", NO_VARIABLE),
    Case(24, "GET TYPE gone nope", NOT_CONNECTED),
    Case(25, "GET DESC ups ups.status", 'DESC ups ups.status "UPS status"'),
    Case(25, "GET DESC ups UPS.STATUS", 'DESC ups UPS.STATUS "UPS status"'),
    Case(25, "GET DESC ups nope", f"DESC ups nope {NO_DESCRIPTION}"),
    Case(25, "GET DESC stale ups.status", STALE),
    Case(26, "GET CMDDESC ups load.off", 'CMDDESC ups load.off "Turn off the load immediately"'),
    Case(26, "GET CMDDESC ups nope", f"CMDDESC ups nope {NO_DESCRIPTION}"),
    Case(26, "GET CMDDESC gone x", NOT_CONNECTED),
    Case(26, "GET CMDDESC nope x", UNKNOWN_UPS),
    Case(27, "GET UPSDESC ups", 'UPSDESC ups "UPS of the tests"'),
    Case(27, "GET UPSDESC gone", 'UPSDESC gone "Unavailable"'),
    Case(27, "GET UPSDESC stale", 'UPSDESC stale "Unavailable"'),
    Case(27, "GET UPSDESC nope", UNKNOWN_UPS),
    Case(28, "GET NUMLOGINS ups", "NUMLOGINS ups 0"),
    Case(28, "GET NUMLOGINS UPS x", "NUMLOGINS UPS 0"),
    Case(28, "GET NUMLOGINS nope", UNKNOWN_UPS),
    Case(30, "GET TRACKING", "OFF"),
    Case(30, f"GET TRACKING {NO_ID}", "ERR FEATURE-NOT-CONFIGURED"),
    *(Case(31, request, NO_USERNAME) for request in GATED_REQUESTS),
    *(Case(32, f"USERNAME admin\n{request}", f"OK\n{NO_PASSWORD}") for request in GATED_REQUESTS),
    Case(32, "PASSWORD adminpw\nLOGIN ups", f"OK\n{NO_USERNAME}"),
    Case(33, "USERNAME", INVALID),
    Case(33, "USERNAME a b", INVALID),
    Case(33, "PASSWORD", INVALID),
    Case(33, "PASSWORD a b", INVALID),
    Case(33, 'USERNAME ""\nPASSWORD ""\nLOGIN ups', f"OK\nOK\n{DENIED}"),
    Case(34, "USERNAME x\nUSERNAME x", "OK\nERR ALREADY-SET-USERNAME"),
    Case(34, "PASSWORD x\nPASSWORD x", "OK\nERR ALREADY-SET-PASSWORD"),
    Case(35, "USERNAME sec\nPASSWORD wrong\nLOGIN ups", f"OK\nOK\n{DENIED}"),
    Case(35, "USERNAME SEC\nPASSWORD secpw\nLOGIN ups", f"OK\nOK\n{DENIED}"),
    Case(35, "USERNAME nobody\nPASSWORD secpw\nLOGIN ups", f"OK\nOK\n{DENIED}"),
    Case(36, "PASSWORD a=b", INVALID),
    Case(36, 'PASSWORD "a=b"', "OK"),
    Case(37, "LOGIN", INVALID, "sec"),
    Case(37, "LOGIN ups ups", INVALID, "sec"),
    Case(37, "LOGIN nope", UNKNOWN_UPS, "sec"),
    Case(37, "LOGIN ups\nLOGIN ups", "OK\nERR ALREADY-LOGGED-IN", "sec"),
    Case(37, "LOGIN ups\nLOGIN nope", "OK\nERR ALREADY-LOGGED-IN", "sec"),
    Case(37, "LOGIN ups\nGET NUMLOGINS ups", "OK\nNUMLOGINS ups 1", "mon"),
    Case(38, "LOGIN gone", "OK", "sec"),
    Case(38, "LOGIN stale", "OK", "sec"),
    *(Case(39, f"{word} ups", DENIED, "sec") for word in ("PRIMARY", "MASTER", "FSD")),
    Case(40, "PRIMARY ups", "OK PRIMARY-GRANTED", "mon"),
    Case(40, "MASTER ups", "OK MASTER-GRANTED", "mon"),
    Case(40, "primary GONE", "OK PRIMARY-GRANTED", "mon"),
    Case(40, "PRIMARY stale\nMASTER stale", "OK PRIMARY-GRANTED\nOK MASTER-GRANTED", "admin"),
    Case(41, "FSD stale", "OK FSD-SET", "mon"),
    Case(41, "FSD gone", "OK FSD-SET", "admin"),
    Case(42, "FSD spare\nGET VAR Spare ups.status\nLIST VAR spare\nLIST RW spare", FORCED, "mon"),
    *(Case(41, word, INVALID, "mon") for word in ("PRIMARY", "MASTER", "FSD")),
    *(Case(41, f"{word} nope", UNKNOWN_UPS, "mon") for word in ("PRIMARY", "MASTER", "FSD")),
    Case(44, "LOGIN ups", DENIED, "reader"),
    Case(44, "SET VAR ups ups.id x", DENIED, "reader"),
    Case(44, "INSTCMD ups load.off", DENIED, "reader"),
    Case(44, "SET VAR ups nope x", DENIED, "sec"),
    Case(44, "INSTCMD ups load.off", DENIED, "mon"),
    Case(45, "SET VAR ups ups.id", INVALID, "admin"),
    Case(46, "SET VAR nope x y", UNKNOWN_UPS, "admin"),
    Case(46, "SET VAR gone x y", NOT_CONNECTED, "admin"),
    Case(46, "SET VAR stale x y", STALE, "reader"),
    Case(46, "SET VAR ups nope y", NO_VARIABLE, "admin"),
    Case(46, "SET VAR ups ups.mfr y", "ERR READONLY", "admin"),
    Case(46, "SET VAR ups ups.mfr y", DENIED, "mon"),
    Case(47, f"SET VAR ups ups.id {'x' * 17}", "ERR TOO-LONG", "admin"),
    Case(47, f"SET VAR ups ups.id {'x' * 16}", "OK", "admin"),
    Case(47, "SET VAR ups input.sensitivity unheard-of", "ERR TOO-LONG", "admin"),
    Case(48, "SET VAR ups input.sensitivity n", "ERR INVALID-VALUE", "admin"),
    Case(48, "SET VAR ups battery.charge.low 9", "ERR INVALID-VALUE", "admin"),
    Case(48, "SET VAR ups battery.charge.low 50", "ERR INVALID-VALUE", "admin"),
    Case(48, "SET VAR ups battery.charge.low x", "ERR INVALID-VALUE", "admin"),
    Case(48, 'SET VAR ups battery.charge.low ""', "ERR INVALID-VALUE", "admin"),
    Case(48, "SET VAR ups battery.charge.low 40", "OK", "admin"),
    Case(48, "SET VAR ups battery.charge.low 60.5x", "OK", "admin"),
    Case(49, f"SET VAR ups ups.id {ID}\nGET VAR ups ups.id", f"OK\nVAR ups ups.id {ID}", "admin"),
    Case(49, "SET VAR ups ups.id two words", "OK", "admin"),
    Case(50, "SET TRACKING ON\nGET TRACKING", "OK\nON", "admin"),
    Case(50, "SET TRACKING on\nSET TRACKING OFF\nGET TRACKING", "OK\nOK\nOFF", "sec"),
    Case(50, "SET TRACKING ON\nSET VAR ups ups.mfr x", "OK\nERR READONLY", "admin"),
    Case(52, f"SET TRACKING ON\nGET TRACKING {NO_ID}", "OK\nERR UNKNOWN", "admin"),
    Case(52, 'SET TRACKING ON\nGET TRACKING ""', "OK\nERR UNKNOWN", "sec"),
    Case(54, "INSTCMD ups load.off", "OK", "admin"),
    Case(54, "INSTCMD ups beeper.TOGGLE", "OK", "admin"),
    Case(55, "INSTCMD ups load.off ", "OK", "admin"),
    Case(55, "INSTCMD ups LOAD.off 5", "OK", "admin"),
    Case(51, "SET TRACKING maybe", INVALID, "admin"),
    Case(51, "SET TRACKING", INVALID, "admin"),
    Case(51, "SET", INVALID, "admin"),
    Case(51, "SET FOO x", INVALID, "admin"),
    Case(51, "SET TRACKING OFF", "OK", "sec"),
    Case(53, "INSTCMD", INVALID, "admin"),
    Case(53, "INSTCMD ups", INVALID, "admin"),
    Case(54, "INSTCMD nope x", UNKNOWN_UPS, "admin"),
    Case(54, "INSTCMD gone x", NOT_CONNECTED, "admin"),
    Case(54, "INSTCMD stale x", STALE, "admin"),
    Case(54, "INSTCMD ups nope", "ERR CMD-NOT-SUPPORTED", "admin"),
    Case(54, "INSTCMD ups nope", "ERR CMD-NOT-SUPPORTED", "reader"),
    Case(56, "LOGOUT", "OK Goodbye"),
    Case(57, "STARTTLS\nNETVER", "ERR FEATURE-NOT-CONFIGURED\n1.3"),
    Case(61, "NETVER\nGET TRACKING\nFOO", f"1.3\nOFF\n{UNKNOWN_COMMAND}"),
    Case(63, 'GET DESC ups "ups.\nstatus"', 'DESC ups ups.status "UPS status"'),
    Case(65, "NET\x00V\xc3\xa9ER", "1.3"),
    Case(65, "GET DESC ups \x01", f"DESC ups  {NO_DESCRIPTION}"),
    Case(75, "SECONDARY ups", UNKNOWN_COMMAND),
    Case(75, "SLAVE ups", UNKNOWN_COMMAND),
    Case(76, "LIST VAR ups@localhost", UNKNOWN_UPS),
    Case(79, "GET VAR ups ups.mode.buzzwords", NO_VARIABLE),
    Case(79, "GET VAR ups experimental.ups.mode.buzzwords", NO_VARIABLE),
    Case(83, "LOGIN", INVALID, "sec"),
]

BETTER = [
    # upsd compares the escaped value, so that one with a quote can never be set.
    Case(48, 'SET VAR ups Input.Sensitivity "very \\"H\\""', "OK", "admin"),
    Case(29, "GET NUMLOGINS stale", "NUMLOGINS stale 0"),
    Case(29, "GET NUMLOGINS gone", "NUMLOGINS gone 0"),
    Case(54, "INSTCMD ups load.off a b", INVALID, "admin"),
    Case(56, "LOGOUT\nVER", "OK Goodbye"),
    Case(64, 'GET VAR ups "a#b"', NO_VARIABLE),
    Case(64, 'GET DESC ups "a#b"', f"DESC ups a#b {NO_DESCRIPTION}"),
    Case(74, "ATTACH ups\nGET NUMATTACH ups", "OK\nNUMATTACH ups 1", "sec"),
    Case(74, "ATTACH ups\nLOGIN ups", "OK\nERR ALREADY-LOGGED-IN", "sec"),
    Case(74, "DETACH\nVER", "OK Goodbye"),
]

PATTERNS = [
    (1, "VER", r"Network UPS Tools upsd \S+ - \S+\n"),
    (4, "HELP", r"Commands: HELP VER .*\bSTARTTLS\n"),
    (6, "ver\r\r", r"Network UPS Tools upsd \S+ - \S+\n"),
    (20, "GET VAR nope server.version", r'VAR nope server.version "2\.8\.\S+"\n'),
    (20, "get var ? Server.Info", r'VAR \? server\.info "Network UPS Tools upsd \S+ - \S+"\n'),
]
