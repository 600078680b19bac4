package org

// Made-up words for seeded records.
var (
	firstNames = []string{"Ada", "Bruno", "Chloé", "Dmitri", "Elif", "Fatima", "Grace", "Hiro", "Ingrid", "João",
		"Katja", "Liam", "María", "Nils", "Olu", "Priya", "Quentin", "Rosa", "Søren", "Tove", "Umar", "Vera", "Wei", "Xenia", "Yusuf", "Zoë"}
	lastNames = []string{"Almeida", "Brandt", "Castillo", "D'Angelo", "Eriksen", "Fontaine", "García", "Hansen", "Ito",
		"Jansen", "Kowalski", "Lindqvist", "Müller", "Nakamura", "O'Brien", "Petrov", "Quist", "Rossi", "Şahin", "Tanaka", "Ueda", "Varga", "Weiß", "Young", "Zhang"}
	jobTitles = []string{"Buyer", "Chief Executive", "Controller", "Engineer", "Head of Sales", "Office Manager",
		"Plant Manager", "Purchasing Lead", "VP, Operations", "\"Acting\" Director"}
	companyWords = []string{"Acorn", "Beacon", "Cedar", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Iris", "Juniper",
		"Kestrel", "Lumen", "Meridian", "Nimbus", "Orchid", "Pioneer", "Quartz", "Ridge", "Summit", "Timber", "Umber", "Vertex", "Willow", "Xenon", "Yarrow", "Zephyr"}
	breaks       = []string{" ", " ", "\n", "\r\n"}
	companyForms = []string{"Inc.", "LLC", "GmbH", "Ltd", "S.A.", "& Sons", "K.K.", "AB", "Co."}
	dealKinds    = []string{"New Business", "Renewal", "Upgrade", "Pilot", "Expansion \"Q4\""}
	streets      = []string{"Main Street", "Oak Avenue", "Hauptstraße", "Rue de l'Église", "Market Square", "5th Avenue\nSuite 12",
		"Harbour Road", "Calle Mayor", "桜通り", "Industrial Park, Building B"}
	places = [][3]string{
		{"San Francisco", "CA", "USA"}, {"New York", "NY", "USA"}, {"Austin", "TX", "USA"}, {"Toronto", "ON", "Canada"},
		{"München", "Bayern", "Germany"}, {"Zürich", "ZH", "Switzerland"}, {"Málaga", "Andalucía", "Spain"},
		{"São Paulo", "SP", "Brazil"}, {"東京", "東京都", "Japan"}, {"Łódź", "Łódzkie", "Poland"}, {"Coeur d'Alene", "ID", "USA"},
	}
	sentencesOf = []string{
		"Long-standing customer with two plants.",
		"Prefers calls in the morning.",
		"Asked for a quote on \"premium\" support, see e-mail.",
		"Kunde seit 1998; Verträge laufen über die Zentrale.",
		"Réunion prévue à l'été, budget à confirmer.",
		"お客様は来月の更新を希望しています。",
		"Discount: 12.5%, terms net 30, tab\tseparated.",
		"It's the owner's wish; path C:\\orders\\new, pipe | and semicolon;",
		"Great feedback 👍 from the field team.",
		"Invoices, reminders, and statements go to <billing@example.com>.",
	}
)
