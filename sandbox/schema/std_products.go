package schema

func product2Object() Object {
	return standard("Product2", "Products", "01t",
		id("Product ID"),
		text("Name", "Product Name", 255).req().named().lookup(),
		text("ProductCode", "Product Code", 255),
		area("Description", "Product Description", 4000),
		boolean("IsActive", "Active").always(),
		audit(),
		pick("Family", "Product Family", 40),
		text("ExternalId", "External ID", 255),
		ref("ExternalDataSourceId", "External Data Source ID", "ExternalDataSource", "ExternalDataSource"),
		url("DisplayUrl", "Display URL"),
		pick("QuantityUnitOfMeasure", "Quantity Unit Of Measure", 40),
		isDeleted(),
		boolean("IsArchived", "Archived").ro(),
		viewed(),
		text("StockKeepingUnit", "Product SKU", 180),
	).labels("Product", "Products")
}

func pricebook2Object() Object {
	return standard("Pricebook2", "Price Books", "01s",
		id("Price Book ID"),
		isDeleted(),
		text("Name", "Price Book Name", 255).req().named(),
		audit(),
		viewed(),
		boolean("IsActive", "Active").always(),
		boolean("IsArchived", "Archived").ro(),
		text("Description", "Description", 255),
		boolean("IsStandard", "Is Standard Price Book").ro(),
	).labels("Price Book", "Price Books")
}

func pricebookEntryObject() Object {
	return standard("PricebookEntry", "Price Book Entries", "01u",
		id("Price Book Entry ID"),
		text("Name", "Product Name", 255).ro().named(),
		ref("Pricebook2Id", "Price Book ID", "Pricebook2", "Pricebook2").children("PricebookEntries").cascades().createOnly().req(),
		ref("Product2Id", "Product ID", "Product2", "Product2").children("PricebookEntries").cascades().createOnly().req(),
		currency("UnitPrice", "List Price", 18, 2).req(),
		boolean("IsActive", "Active").always(),
		boolean("UseStandardPrice", "Use Standard Price").always(),
		audit(),
		text("ProductCode", "Product Code", 255).ro(),
		isDeleted(),
		boolean("IsArchived", "Archived").ro(),
	).labels("Price Book Entry", "Price Book Entries")
}

func opportunityLineItemObject() Object {
	return standard("OpportunityLineItem", "Opportunity Products", "00k",
		id("Line Item ID"),
		ref("OpportunityId", "Opportunity ID", "Opportunity", "Opportunity").children("OpportunityLineItems").cascades().createOnly().req(),
		integer("SortOrder", "Sort Order", 8),
		ref("PricebookEntryId", "Price Book Entry ID", "PricebookEntry", "PricebookEntry").children("OpportunityLineItems").restricts().createOnly(),
		ref("Product2Id", "Product ID", "Product2", "Product2").children("OpportunityLineItems").restricts().createOnly(),
		text("ProductCode", "Product Code", 255).ro(),
		text("Name", "Opportunity Product Name", 376).ro().named(),
		double("Quantity", "Quantity", 12, 2).req(),
		currency("TotalPrice", "Total Price", 18, 2),
		currency("UnitPrice", "Sales Price", 18, 2),
		currency("ListPrice", "List Price", 18, 2).ro(),
		date("ServiceDate", "Date"),
		text("Description", "Line Description", 255),
		audit(),
		isDeleted(),
		viewed(),
	).labels("Opportunity Product", "Opportunity Products")
}
